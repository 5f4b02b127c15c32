import { MAX_FRAME_BYTES } from './ipc-frame.ts';

/** Leaves room in a frame for what stands beside a list. */
const MAX_LIST_BYTES = MAX_FRAME_BYTES / 4;

/** `{ name: rows }`; with too many rows for a frame as many as fit, and `<name>_truncated` (pilotctl interface 2.4). */
export function fitting(name: string, rows: readonly object[]): Record<string, unknown> {
  let bytes = 0;
  const shown = [];
  for (const row of rows) {
    bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
    if (bytes > MAX_LIST_BYTES) return { [name]: shown, [`${name}_truncated`]: true };
    shown.push(row);
  }
  return { [name]: shown };
}
