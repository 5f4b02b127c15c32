import { Duplex } from 'node:stream';

import { STREAM_FRAME, streamFrame, streamFrameHead, StreamFrameReader } from './stream-framing.ts';

/** A frame's length has 24 bits; a stream has pieces of some 64 KiB anyway. */
const MAX_PIECE_BYTES = 2 ** 20;
/** Up to this, one copy is cheaper than a second piece for the system. */
const COPY_BELOW_BYTES = 4096;
/** How long the other side has to close once both halves are finished. */
const PARTING_MS = 5000;

type Done = (error?: Error | null) => void;

export interface FramedDuplexOptions {
  /** What came behind the upgrade. */
  readonly head: Buffer;
  /** The error of a RESET's body. */
  readonly errorOf: (body: Buffer) => Error;
  /** The error when the connection closes before both halves have ended. */
  readonly cut: () => Error;
  /** What a RESET says when this end is destroyed with an error, or without one. */
  readonly failureOf: (error: Error | null) => string;
}

/**
 * A stream over a Unix socket in frames: `end` finishes one half, `destroy` resets both. Neither side reads more
 * than it can hand on.
 */
export class FramedDuplex extends Duplex {
  readonly #socket: Duplex;
  readonly #options: FramedDuplexOptions;
  readonly #reader: StreamFrameReader;
  #hasEnded = false;
  #isReset = false;

  constructor(socket: Duplex, options: FramedDuplexOptions) {
    super({ allowHalfOpen: true, decodeStrings: true });
    this.#socket = socket;
    this.#options = options;
    this.#reader = new StreamFrameReader((kind, body) => {
      this.#take(kind, body);
    });
    // It may break before its user can listen; `errored` tells it later, too.
    this.on('error', () => undefined);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.once('end', () => {
      this.#cut();
    });
    socket.once('close', () => {
      this.#cut();
    });
    if (options.head.length > 0) this.#receive(options.head);
  }

  override _read(): void {
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#writeAll([chunk], done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: Done): void {
    this.#writeAll(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.#socket.write(streamFrame(STREAM_FRAME.end), (error) => {
      done(error ?? null);
    });
  }

  override _destroy(error: Error | null, done: Done): void {
    const socket = this.#socket;
    const isDone = error === null && this.writableFinished && this.#hasEnded;
    if (!isDone && !this.#isReset && socket.writable) {
      socket.write(streamFrame(STREAM_FRAME.reset, this.#options.failureOf(error)));
    }
    socket.end();
    // What still comes is of no interest, but has to be read for the end to be seen.
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), PARTING_MS);
    timer.unref();
    socket.once('close', () => {
      clearTimeout(timer);
    });
    done(error);
  }

  #writeAll(chunks: readonly Buffer[], done: Done): void {
    const socket = this.#socket;
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (length < COPY_BELOW_BYTES) {
      this.#writeSmall(chunks, length, done);
      return;
    }
    const pieces = chunks.flatMap(inPieces);
    socket.cork();
    for (const [i, piece] of pieces.entries()) {
      socket.write(streamFrameHead(STREAM_FRAME.data, piece.length));
      // Done when all has left: only then may its owner change it, and is there room for more.
      if (i < pieces.length - 1) socket.write(piece);
      else
        socket.write(piece, (error) => {
          done(error ?? null);
        });
    }
    socket.uncork();
  }

  #writeSmall(chunks: readonly Buffer[], length: number, done: Done): void {
    if (length === 0) {
      done();
      return;
    }
    const frame = Buffer.concat([streamFrameHead(STREAM_FRAME.data, length), ...chunks]);
    this.#socket.write(frame, (error) => {
      done(error ?? null);
    });
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #take(kind: number, body: Buffer): void {
    if (this.destroyed || (this.#hasEnded && kind !== STREAM_FRAME.reset)) return;
    switch (kind) {
      case STREAM_FRAME.data:
        if (!this.push(body)) this.#socket.pause();
        return;
      case STREAM_FRAME.end:
        this.#hasEnded = true;
        this.push(null);
        // Nothing but a RESET can come: the socket has to be read for that.
        this.#socket.resume();
        return;
      case STREAM_FRAME.reset:
        this.#isReset = true;
        this.destroy(this.#options.errorOf(body));
        return;
      default: // of a later version
    }
  }

  #cut(): void {
    if (this.destroyed || (this.#hasEnded && this.writableFinished)) return;
    this.#isReset = true;
    this.destroy(this.#options.cut());
  }
}

function inPieces(chunk: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < chunk.length; at += MAX_PIECE_BYTES) {
    pieces.push(chunk.subarray(at, at + MAX_PIECE_BYTES));
  }
  return pieces;
}
