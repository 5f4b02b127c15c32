import type { RandomBytes } from '../../src/base/random.ts';

/** Repeatable bytes from a seed (xorshift32); for tests, never for keys that matter. */
export function seededRandom(seed: number): RandomBytes {
  let state = seed | 0 || 1;
  return (length) => {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[i] = state & 0xff;
    }
    return bytes;
  };
}
