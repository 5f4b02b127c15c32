import { v7 } from 'uuid';

const BYTES_PER_ID = 16;
/** The system is asked once for many ids: that is ten times the cost of making one. */
const pool = new Uint8Array(256 * BYTES_PER_ID);
let used = pool.length;

/** A UUIDv7 (RFC 9562, section 5.7). */
export function newMessageId(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + BYTES_PER_ID);
  used += BYTES_PER_ID;
  return v7({ random });
}
