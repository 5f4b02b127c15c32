/** Bytes as a map key: one character a byte, the cheapest string there is (hex costs twice as much). */
export function byteKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
