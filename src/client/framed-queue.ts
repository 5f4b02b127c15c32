import type { Duplex } from 'node:stream';

import { PilotError } from '../base/pilot-error.ts';
import { daemonGone, readFailure } from './pilot-stream.ts';
import { STREAM_FRAME, StreamFrameReader } from './stream-framing.ts';
import type { Upgraded } from './upgrade.ts';

/** Whole frames of an upgraded connection, for one reader who takes its time: the connection then waits. */
export class FramedQueue {
  readonly #socket: Duplex;
  readonly #frames: { readonly kind: number; readonly body: Buffer }[] = [];
  readonly #signal: AbortSignal | undefined;
  #wake: () => void = () => undefined;
  #end: { readonly error: unknown } | undefined;
  #isClosed = false;

  constructor({ socket, head }: Upgraded, signal: AbortSignal | undefined) {
    this.#socket = socket;
    this.#signal = signal;
    const reader = new StreamFrameReader((kind, body) => {
      if (this.#end !== undefined) return;
      if (kind === STREAM_FRAME.reset) {
        this.#finish(readFailure(body));
        return;
      }
      this.#frames.push({ kind, body });
      socket.pause();
      this.#wake();
    });
    const read = (chunk: Buffer): void => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#finish(error);
      }
    };
    const abort = (): void => {
      this.#finish(signal?.reason);
    };
    socket.on('error', () => undefined);
    socket.on('data', read);
    socket.once('close', () => {
      signal?.removeEventListener('abort', abort);
      this.#finish(daemonGone());
    });
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    if (head.length > 0) read(head);
  }

  /** Resolves when the frame has left. */
  async write(frame: Buffer): Promise<void> {
    this.#signal?.throwIfAborted();
    if (this.#end !== undefined) throw this.#end.error;
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(frame, (error) => {
        if (error) reject(this.#end === undefined ? daemonGone() : (this.#end.error as Error));
        else resolve();
      });
    });
  }

  /** Ends what iterates over it. */
  close(): void {
    this.#isClosed = true;
    this.#finish(new PilotError('connection_failed', 'the port is closed'));
  }

  /** The frames as they come; ends at `close`, throws what the daemon ended it with, or the signal's reason. */
  async *[Symbol.asyncIterator](): AsyncGenerator<{ kind: number; body: Buffer }, void, undefined> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        yield frame;
        continue;
      }
      if (this.#end !== undefined) {
        if (this.#isClosed) return;
        throw this.#end.error;
      }
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#socket.resume();
      await woken;
    }
  }

  #finish(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#socket.destroy();
    this.#wake();
  }
}
