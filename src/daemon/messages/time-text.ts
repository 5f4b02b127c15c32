import { parseDuration } from '../../base/duration.ts';
import { PilotError } from '../../base/pilot-error.ts';

const RFC_3339 = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/i;

/** RFC 3339, or a duration back from now (`1h`), as milliseconds since the epoch. */
export function parseTime(text: string, nowMs: number): number {
  const agoMs = parseDuration(text);
  if (agoMs !== undefined) return nowMs - agoMs;
  const atMs = RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  throw new PilotError('invalid_argument', `not a time: ${text.slice(0, 64)}`, {
    hint: 'Write 2026-01-31T12:00:00Z, or how long ago: 1h, 30m, 7d',
  });
}
