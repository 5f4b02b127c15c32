import { WireError } from '../base/wire-error.ts';

/** Undefined for what the decoder refuses. Decoding stands apart from acting on it: that is others' code. */
export function readable<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): T | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
