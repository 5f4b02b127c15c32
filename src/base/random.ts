/** `length` unpredictable bytes (`crypto.randomBytes` in a process, a seeded generator in a test). */
export type RandomBytes = (length: number) => Uint8Array;

/** A number in [0, 1), for jitter: needs to be spread, not secret. */
export function randomFraction(random: RandomBytes): number {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
}
