import {
  copyFileSync,
  fstatSync,
  ftruncateSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs';

export interface LogRotationSettings {
  readonly maxBytes: number;
  /** How many older files stay beside it: `pilot.log.1` is the latest. */
  readonly keep: number;
}

export const LOG_ROTATION_DEFAULTS: LogRotationSettings = { maxBytes: 10 * 1024 * 1024, keep: 3 };

/** open(2), the value on Linux, which is where it can be looked up. */
const O_APPEND = 0o2000;

/**
 * Keeps a log file small that this process has as an open descriptor (its standard output, opened by
 * whoever started it). It is copied and then emptied: the descriptor cannot be pointed at another file.
 * Writing has to be synchronous and appending, or lines would be lost in between or land behind a hole.
 * True when it was rotated; false when the descriptor is another file, or that one is still small.
 */
export function rotateLog(
  descriptor: number,
  file: string,
  settings: LogRotationSettings = LOG_ROTATION_DEFAULTS,
): boolean {
  const named = statSync(file, { throwIfNoEntry: false });
  const open = fstatSync(descriptor);
  if (named?.ino !== open.ino || named.dev !== open.dev || !open.isFile()) return false;
  if (open.size <= settings.maxBytes || !isAppending(descriptor)) return false;
  for (let age = settings.keep - 1; age >= 1; age--) {
    const older = `${file}.${age}`;
    if (statSync(older, { throwIfNoEntry: false }) !== undefined) {
      renameSync(older, `${file}.${age + 1}`);
    }
  }
  copyFileSync(file, `${file}.1`);
  ftruncateSync(descriptor, 0);
  return true;
}

function isAppending(descriptor: number): boolean {
  if (process.platform !== 'linux') return true;
  const flags = /^flags:\s*([0-7]+)$/m.exec(
    readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'),
  )?.[1];
  return (Number.parseInt(flags ?? '0', 8) & O_APPEND) !== 0;
}
