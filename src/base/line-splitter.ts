import { isUtf8 } from 'node:buffer';

import { WireError } from './wire-error.ts';

const LF = 0x0a;

export class LineTooLongError extends WireError {}

/**
 * A stream of bytes as lines of UTF-8 that end with LF. Pulled, so that whoever cannot take a line now
 * leaves it here; what has been pushed and not pulled is the caller's to bound.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #chunks: Buffer[] = [];
  /** Where the next line begins in the first chunk. */
  #offset = 0;
  /** A line that began in an earlier chunk: the first `#heldBytes` of `#held`. */
  #held = Buffer.alloc(0);
  #heldBytes = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  /** The next whole line without its LF. `WireError` for one that is too long or not UTF-8: then it is over. */
  next(): string | undefined {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const end = chunk.indexOf(LF, this.#offset);
      const part = chunk.subarray(this.#offset, end === -1 ? chunk.length : end);
      if (this.#heldBytes + part.length > this.#maxLineBytes) {
        throw new LineTooLongError(`a line has more than ${this.#maxLineBytes} bytes`);
      }
      this.#offset = end + 1;
      if (end === -1 || this.#offset === chunk.length) this.#nextChunk();
      if (end !== -1) return textOf(this.#completed(part));
      this.#hold(part);
    }
    return undefined;
  }

  #nextChunk(): void {
    this.#chunks.shift();
    this.#offset = 0;
  }

  #completed(part: Buffer): Buffer {
    if (this.#heldBytes === 0) return part;
    this.#hold(part);
    const line = this.#held.subarray(0, this.#heldBytes);
    this.#held = Buffer.alloc(0);
    this.#heldBytes = 0;
    return line;
  }

  /** Copied into a buffer that doubles: a line that comes byte by byte costs as much as one in a piece. */
  #hold(part: Buffer): void {
    const length = this.#heldBytes + part.length;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#held.length));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    part.copy(this.#held, this.#heldBytes);
    this.#heldBytes = length;
  }
}

function textOf(line: Buffer): string {
  if (!isUtf8(line)) throw new WireError('a line is not UTF-8');
  return line.toString('utf8');
}
