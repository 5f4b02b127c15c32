import type { Readable } from 'node:stream';

import { WireError } from '../base/wire-error.ts';

/** Reads a stream by counts: the stream waits while nobody asks. Throws the stream's error, and WireError. */
export class ExactReader {
  readonly #source: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    // Its end is only that of one half: answers may still have to leave.
    this.#source = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  /** So many bytes, as a copy of the caller's own or a view that nobody else has; undefined when the stream ended before them. */
  async exactly(count: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let length = 0;
    while (length < count) {
      const piece = await this.#next(count - length);
      if (piece === undefined) {
        if (length === 0) return undefined;
        throw new WireError('the stream ended inside a frame');
      }
      pieces.push(piece);
      length += piece.length;
    }
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }

  /** The same bytes as they come. */
  async *pieces(count: number): AsyncGenerator<Buffer, void, undefined> {
    let left = count;
    while (left > 0) {
      const piece = await this.#next(left);
      if (piece === undefined) throw new WireError('the stream ended inside a frame');
      left -= piece.length;
      yield piece;
    }
  }

  /** Reads so many bytes for nothing. */
  async skip(count: number): Promise<void> {
    const pieces = this.pieces(count);
    while ((await pieces.next()).done !== true);
  }

  async #next(atMost: number): Promise<Buffer | undefined> {
    while (this.#pending.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      this.#pending = next.value;
    }
    const piece = this.#pending.subarray(0, atMost);
    this.#pending = this.#pending.subarray(atMost);
    return piece;
  }
}
