import { Duplex } from 'node:stream';

import type { SessionStream, StreamReset } from '../../session/stream.ts';
import { streamError } from './stream-error.ts';

/** As much waits here of either half, beside a window in the session. */
const BUFFER_BYTES = 64 * 1024;

export interface StreamPlace {
  /** The other node: hex of its first key. */
  readonly peer: string;
  readonly localPort: number;
  readonly remotePort: number;
  readonly isOutgoing: boolean;
}

type Done = (error?: Error | null) => void;

/**
 * A stream with a peer as Node has streams: `end` finishes one half, `destroy` resets both, `error` is a
 * PilotError when the other side or the session ended it. A write is done when it has left for the session.
 */
export class PeerStream extends Duplex implements StreamPlace {
  /** Its number among those of this node (`Streams.open`); 0: it is not one of them. */
  id = 0;
  readonly peer: string;
  readonly localPort: number;
  readonly remotePort: number;
  readonly isOutgoing: boolean;
  bytesRead = 0;
  bytesWritten = 0;
  readonly #stream: SessionStream;
  #written: Done | undefined;
  #wantsBytes = false;
  #resetCode: string | undefined;
  #brokenBy: string | undefined;

  constructor(stream: SessionStream, place: StreamPlace) {
    super({
      ...{ allowHalfOpen: true, decodeStrings: true },
      ...{ readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES },
    });
    this.peer = place.peer;
    this.localPort = place.localPort;
    this.remotePort = place.remotePort;
    this.isOutgoing = place.isOutgoing;
    this.#stream = stream;
    stream.handlers = {
      // Whoever opened it has heard of that before there was this object.
      accepted: () => undefined,
      readable: () => {
        if (this.#wantsBytes) this.#pull();
      },
      drained: () => {
        this.#drained();
      },
      reset: (reset) => {
        this.#onReset(reset);
      },
    };
    // It may break before its user can listen; that must not end the process. `errored` tells it later, too.
    this.on('error', () => undefined);
  }

  /** The code of the RST that ended it, from either side. */
  get resetCode(): string | undefined {
    return this.#resetCode;
  }

  /** Why it was cut short: the code of an RST from either side, or `session_ended`. */
  get brokenBy(): string | undefined {
    return this.#brokenBy;
  }

  /** Ends both halves at once; the other side gets the code (`[a-z][a-z0-9_]*`), whoever uses it here the error. */
  abandon(code: string, error?: Error): void {
    if (this.destroyed) return;
    this.#resetCode = code;
    this.destroy(error);
  }

  override _read(): void {
    this.#pull();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#write([chunk], done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: Done): void {
    this.#write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.#stream.finish();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    // Both halves have ended: a FIN may still be on its way out.
    const isDone = error === null && this.writableFinished && this.readableEnded;
    if (!isDone) {
      const code = this.#resetCode ?? (error === null ? 'cancelled' : 'failed');
      this.#brokenBy ??= code;
      this.#stream.reset(code);
    }
    const waiting = this.#written;
    this.#written = undefined;
    waiting?.(error ?? new Error('the stream was destroyed'));
    done(error);
  }

  #write(chunks: readonly Buffer[], done: Done): void {
    this.#written = done;
    let length = 0;
    for (const chunk of chunks) {
      length += chunk.length;
      this.#stream.write(chunk);
    }
    this.bytesWritten += length;
    // Nothing to wait for.
    if (length === 0) this.#drained();
  }

  #drained(): void {
    const done = this.#written;
    this.#written = undefined;
    done?.();
  }

  #onReset(reset: StreamReset): void {
    this.#resetCode = reset.by === 'peer' ? reset.code : undefined;
    this.#brokenBy = this.#resetCode ?? 'session_ended';
    this.destroy(streamError(reset, `the stream with port ${this.remotePort}`));
  }

  #pull(): void {
    this.#wantsBytes = false;
    for (;;) {
      const bytes = this.#stream.read();
      if (bytes === undefined) {
        this.#wantsBytes = true;
        return;
      }
      if (bytes === 'end') {
        this.push(null);
        return;
      }
      this.bytesRead += bytes.length;
      if (!this.push(bytes)) return;
    }
  }
}
