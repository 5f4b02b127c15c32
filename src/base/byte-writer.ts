/** Collects bytes, big-endian: the reverse of `ByteReader`. Grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#grow(1), value);
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#grow(2), value);
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#grow(4), value);
    return this;
  }

  u64(value: number): this {
    this.#view.setBigUint64(this.#grow(8), BigInt(value));
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#grow(value.length));
    return this;
  }

  /** A view of what was written; writing on does not change it. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(by: number): number {
    const start = this.#length;
    this.#length += by;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}
