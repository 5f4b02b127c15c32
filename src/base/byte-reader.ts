import { plainBytes } from './bytes.ts';
import { WireError } from './wire-error.ts';

/** A cursor over received bytes, big-endian, that refuses to pass the end. Throws `WireError` only. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    // Plain, also where a `Buffer` came in: the `slice` of that would be a view instead of a copy.
    this.#bytes = Buffer.isBuffer(bytes) ? plainBytes(bytes) : bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#byteAt(this.#advance(1));
  }

  u16(): number {
    const at = this.#advance(2);
    return this.#byteAt(at) * 2 ** 8 + this.#byteAt(at + 1);
  }

  u32(): number {
    return this.#wordAt(this.#advance(4));
  }

  /** A 64-bit count. Values above 2^53 - 1 are malformed: no counter of ours gets there. */
  u64(): number {
    const at = this.#advance(8);
    const high = this.#wordAt(at);
    if (high >= 2 ** 21) throw new WireError('64-bit number too large');
    return high * 2 ** 32 + this.#wordAt(at + 4);
  }

  /** A view into the received bytes, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  // By hand: packets are small and many, and a DataView for each costs more than what is read by it.
  #byteAt(at: number): number {
    return this.#bytes[at] ?? 0;
  }

  #wordAt(at: number): number {
    const bytes = this.#bytes;
    const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    return high * 2 ** 16 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length < 0 || length > this.remaining) {
      throw new WireError(`needs ${length} bytes, has ${this.remaining}`);
    }
    this.#offset += length;
    return start;
  }
}
