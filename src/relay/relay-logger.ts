import { pino } from 'pino';

import type { RelayLog } from './relay-log.ts';

export interface RelayLoggerOptions {
  readonly level: string;
  readonly format: 'json' | 'text';
  readonly write: (line: string) => void;
}

export function createRelayLogger({ level, format, write }: RelayLoggerOptions): RelayLog {
  const line =
    format === 'json'
      ? write
      : (json: string): void => {
          write(textLine(json));
        };
  return pino({ level, base: null }, { write: line });
}

/** `2026-01-01T00:00:00.000Z info relay listening listen=[::]:7443 …` */
function textLine(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const words = Object.entries(fields).map(([name, value]) => {
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
  });
  const label = pino.levels.labels[Number(level)] ?? String(level);
  return [new Date(Number(time)).toISOString(), label, String(msg), ...words].join(' ') + '\n';
}
