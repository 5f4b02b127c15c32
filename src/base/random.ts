/** `length` unpredictable bytes (`crypto.randomBytes` in a process, a seeded generator in a test). */
export type RandomBytes = (length: number) => Uint8Array;

/** A number in [0, 1), for jitter: needs to be spread, not secret. */
export function randomFraction(random: RandomBytes): number {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
}

const POOL_BYTES = 4096;
/** Larger wishes are worth a call of their own. */
const MAX_POOLED_BYTES = 64;

/** The same bytes, fetched many at a time: a call costs more than what a small wish gets. */
export function pooledRandom(random: RandomBytes): RandomBytes {
  let pool: Uint8Array = new Uint8Array();
  let offset = 0;
  return (length) => {
    if (length > MAX_POOLED_BYTES) return random(length);
    if (offset + length > pool.length) {
      pool = random(POOL_BYTES);
      offset = 0;
    }
    // A copy also of a Buffer, whose `slice` is a view.
    const bytes = Uint8Array.from(pool.subarray(offset, offset + length));
    // Whoever gets them has them alone.
    pool.fill(0, offset, offset + length);
    offset += length;
    return bytes;
  };
}
