import pino from 'pino';

import type { Clock } from '../../base/clock.ts';
import type { Config } from '../../home/config.ts';
import type { Log } from './log.ts';
import { LogLimiter } from './log-limiter.ts';
import { textLineOf } from './log-text.ts';

export type LogSettings = Config['observability']['logging'];

/** The log of a process, with what only its frame needs. */
export interface ProcessLog extends Log {
  fatal(fields: object, message: string): void;
  isLevelEnabled(level: 'debug'): boolean;
}

/** Where finished lines go. */
export interface LogSink {
  write(line: string): void;
}

/** Members that never get into a line, at the top and one level down, should anybody pass them. */
const SECRETS: ReadonlySet<string> = new Set([
  ...['token', 'relay_token', 'private_key', 'passphrase', 'secret', 'seed'],
]);
const CORRELATION = 'correlation_id';
/** pino's number for it. */
const INFO = 30;

/** Lines of fields and a message, in JSON or as text; what repeats itself is held back. */
export function createLog(settings: LogSettings, sink: LogSink, clock: Clock): ProcessLog {
  const limiter = new LogLimiter();
  const destination: LogSink =
    settings.format === 'json'
      ? sink
      : {
          write: (line) => {
            sink.write(textLineOf(line));
          },
        };
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: settings.correlation_tracing
          ? censored
          : (fields) => censored(withoutCorrelation(fields)),
      },
      hooks: {
        logMethod(args, method, level) {
          const suppressed = isLimited(args[0], level)
            ? limiter.admit(`${level} ${String(args[1])}`, clock.monotonic())
            : 0;
          if (suppressed === undefined) return;
          if (suppressed > 0) method.call(this, { ...Object(args[0]), suppressed }, args[1]);
          else method.apply(this, args);
        },
      },
    },
    destination,
  );
}

/**
 * The sink of a process: its standard output. The lines of one turn of the event loop are written
 * together at its end, and at the end of the process: many messages cost one write. A reader that went
 * away or a full disk costs lines and nothing else.
 */
export function standardOutput(): LogSink {
  const destination = pino.destination({ fd: process.stdout.fd, sync: true });
  destination.on('error', () => undefined);
  let pending = '';
  const flush = (): void => {
    const lines = pending;
    pending = '';
    if (lines !== '') destination.write(lines);
  };
  process.on('exit', flush);
  return {
    write(line) {
      if (pending === '') setImmediate(flush);
      pending += line;
    },
  };
}

/** Whoever asked for debug lines wants them all, and each message leaves its own trace. */
function isLimited(fields: unknown, level: number): boolean {
  if (level < INFO) return false;
  return typeof fields !== 'object' || fields === null || !Object.hasOwn(fields, CORRELATION);
}

function withoutCorrelation(fields: Record<string, unknown>): Record<string, unknown> {
  const others = { ...fields };
  Reflect.deleteProperty(others, CORRELATION);
  return others;
}

/** pino's own redaction costs as much as the rest of a line; lines have few members, and hardly ever a secret. */
function censored(fields: Record<string, unknown>, depth = 1): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(fields)) {
    const shown = censoredValue(name, value, depth);
    if (shown !== value) copy = { ...(copy ?? fields), [name]: shown };
  }
  return copy ?? fields;
}

function censoredValue(name: string, value: unknown, depth: number): unknown {
  if (SECRETS.has(name)) return '[secret]';
  if (depth === 0 || typeof value !== 'object' || value === null || value instanceof Error) {
    return value;
  }
  return censored(value as Record<string, unknown>, depth - 1);
}
