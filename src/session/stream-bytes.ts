/** Pieces below this are copied together: each one kept apart costs some 200 bytes of bookkeeping. */
const COPY_BELOW_BYTES = 4096;
const MIN_BLOCK_BYTES = 256;
const MAX_BLOCK_BYTES = 16 * 1024;

/**
 * Bytes that wait, in order. Large pieces are kept as they came and must not change; small ones, and those
 * that would hold more memory than they have bytes, are copied. So it holds about twice its length at most.
 */
export class StreamBytes {
  readonly #pieces: Uint8Array[] = [];
  /** Of the first piece, what has been taken. */
  #taken = 0;
  /** The last piece is a block of ours, filled so far; 0 when it is not. */
  #filled = 0;
  #block: Uint8Array | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (bytes.length < COPY_BELOW_BYTES) {
      this.#append(bytes);
    } else {
      this.#sealBlock();
      const holdsMore = bytes.buffer.byteLength > 2 * bytes.length;
      this.#pieces.push(holdsMore ? Uint8Array.from(bytes) : bytes);
    }
  }

  /** The first bytes that lie together, at most `max`: a view. Undefined when there are none. */
  take(max = Infinity): Uint8Array | undefined {
    const first = this.#first();
    if (first === undefined) return undefined;
    const bytes = first.subarray(this.#taken, this.#taken + Math.min(max, first.length));
    this.#advance(bytes.length, first.length);
    return bytes;
  }

  /** Moves the first `count` bytes, which there have to be, to their place in `target`. */
  moveTo(target: Uint8Array, offset: number, count: number): void {
    for (let done = 0; done < count;) {
      const bytes = this.take(count - done);
      if (bytes === undefined) throw new RangeError('fewer bytes than asked for');
      target.set(bytes, offset + done);
      done += bytes.length;
    }
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#block = undefined;
    this.#taken = 0;
    this.#length = 0;
  }

  #first(): Uint8Array | undefined {
    const [first] = this.#pieces;
    return first !== undefined && first === this.#block ? first.subarray(0, this.#filled) : first;
  }

  #advance(count: number, firstLength: number): void {
    this.#taken += count;
    this.#length -= count;
    if (this.#taken < firstLength) return;
    if (this.#pieces.shift() === this.#block) this.#block = undefined;
    this.#taken = 0;
  }

  #append(bytes: Uint8Array): void {
    if (this.#block === undefined || this.#filled + bytes.length > this.#block.length) {
      // What waits already tells how much more may come.
      const size = Math.min(MAX_BLOCK_BYTES, Math.max(MIN_BLOCK_BYTES, this.#length));
      this.#sealBlock();
      this.#block = new Uint8Array(Math.max(size, bytes.length));
      this.#filled = 0;
      this.#pieces.push(this.#block);
    }
    this.#block.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  /** The block gets no more: from now on it is a piece like others, as long as it was filled. */
  #sealBlock(): void {
    if (this.#block === undefined) return;
    this.#pieces[this.#pieces.length - 1] = this.#block.subarray(0, this.#filled);
    this.#block = undefined;
  }
}
