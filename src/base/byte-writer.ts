/** Collects bytes, big-endian: the reverse of `ByteReader`. Grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  u32(value: number): this {
    this.#writeWord(this.#grow(4), value);
    return this;
  }

  /** RangeError for what is no count up to 2^53 - 1. */
  u64(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no count`);
    const at = this.#grow(8);
    this.#writeWord(at, Math.floor(value / 2 ** 32));
    this.#writeWord(at + 4, value >>> 0);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** A view of what was written; writing on does not change it. */
  finish(): Uint8Array {
    const bytes = this.#bytes;
    return this.#length === bytes.length ? bytes : bytes.subarray(0, this.#length);
  }

  /** By hand: most of what is written is small, and a DataView for it costs more than the writing. */
  #writeWord(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** Call it before naming `#bytes`: it replaces them. */
  #grow(by: number): number {
    const start = this.#length;
    this.#length += by;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return start;
  }
}
