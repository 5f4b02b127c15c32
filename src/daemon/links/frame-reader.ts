import { WireError } from '../../base/wire-error.ts';

export const LENGTH_BYTES = 3;

/** The length in front of a packet: little-endian, as UDX reads it to hand over whole frames. */
export function writeLength(target: Uint8Array, length: number): void {
  target[0] = length & 0xff;
  target[1] = (length >> 8) & 0xff;
  target[2] = length >> 16;
}

/**
 * Packets out of a byte stream:
 *
 *     length    3   little-endian, 1 to `maxBytes`
 *     packet
 *
 * A packet that arrives in one piece is a view into that piece; only others are copied, once.
 */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #packet: (packet: Uint8Array) => void;
  /** The bytes of a length that have come, as a number, and how many. */
  #length = 0;
  #lengthBytes = 0;
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(maxBytes: number, packet: (packet: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#packet = packet;
  }

  /**
   * Takes in what came next. `wantsMore` is asked after each packet. WireError for a length that cannot be:
   * nothing after it makes sense.
   */
  push(bytes: Uint8Array, wantsMore: () => boolean): void {
    let offset = 0;
    while (offset < bytes.length) {
      offset = this.#lengthBytes < LENGTH_BYTES ? this.#readLength(bytes, offset) : offset;
      if (this.#lengthBytes < LENGTH_BYTES) return;
      offset = this.#readPacket(bytes, offset);
      if (!wantsMore()) return;
    }
  }

  #readLength(bytes: Uint8Array, start: number): number {
    let offset = start;
    while (this.#lengthBytes < LENGTH_BYTES && offset < bytes.length) {
      this.#length |= (bytes[offset++] ?? 0) << (8 * this.#lengthBytes++);
    }
    if (this.#lengthBytes === LENGTH_BYTES && !this.#isPossible()) {
      throw new WireError(`a packet of ${this.#length} bytes`);
    }
    return offset;
  }

  #isPossible(): boolean {
    return this.#length > 0 && this.#length <= this.#maxBytes;
  }

  #readPacket(bytes: Uint8Array, offset: number): number {
    const end = offset + this.#length - this.#filled;
    if (this.#partial === undefined && end <= bytes.length) {
      this.#finish(bytes.subarray(offset, end));
      return end;
    }
    this.#partial ??= Buffer.allocUnsafeSlow(this.#length);
    const part = bytes.subarray(offset, end);
    this.#partial.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled === this.#length) this.#finish(this.#partial);
    return offset + part.length;
  }

  #finish(packet: Uint8Array): void {
    this.#length = 0;
    this.#lengthBytes = 0;
    this.#partial = undefined;
    this.#filled = 0;
    this.#packet(packet);
  }
}
