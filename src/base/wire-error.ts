/** Bytes that do not follow their format. The only error a decoder throws. */
export class WireError extends Error {
  override readonly name = 'WireError';
}
