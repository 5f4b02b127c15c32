import { ByteWriter } from '../../base/byte-writer.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { ClientOutput } from './client-output.ts';
import { COMMAND, encodeFrame } from './ipc-frame.ts';
import type { SendBacklog } from './send-backlog.ts';

/** These clients read once, with room for as much, and call that the answer (pilotctl interface 2.6). */
const MAX_RECV_BYTES = 65_535;
/** A client that has not noted its new connection yet loses the end of it (pilotctl interface 2.6). */
const END_DELAY_MS = 20;
/** How long what was written may take to leave, and the peer to finish, after the client has closed. */
const LINGER_MS = 120_000;
/** Smaller pieces are copied, so that they do not hold the chunk that they came in. */
const MIN_HELD_BYTES = 4096;

export interface IpcStreamDeps {
  readonly output: ClientOutput;
  readonly clock: Clock;
  readonly backlog: SendBacklog;
  /** Once: the client has nothing to do with it any more. */
  readonly left: () => void;
  /** All that was sent has left, or never will. */
  readonly drained: () => void;
}

/**
 * A stream as one client has it, by the number of a connection:
 *
 *     [told] ──start──> [open] ──the peer finished, or reset──> CloseOK
 *                         └──── close ──> [lingering] ──both finished, or too late──> gone
 *
 * The peer's end closes one half: the client may go on sending until it closes.
 */
export class IpcStream {
  readonly stream: PeerStream;
  readonly #deps: IpcStreamDeps;
  #startedMs: number | undefined;
  #isClosed = false;
  #hasEnded = false;
  #cancelLinger: Cancel | undefined;

  constructor(stream: PeerStream, deps: IpcStreamDeps) {
    this.stream = stream;
    this.#deps = deps;
    stream.on('readable', () => {
      this.pump();
    });
    stream.once('end', () => {
      this.#end();
    });
    stream.once('close', () => {
      this.#cancelLinger?.();
      this.#end();
      this.#leave();
    });
  }

  /** The client has been told of it: from here on it gets what comes. */
  start(): void {
    this.#startedMs = this.#deps.clock.monotonic();
    this.pump();
    if (this.#hasEnded) this.#tellEnd(this.#startedMs);
  }

  get id(): number {
    return this.stream.id;
  }

  /** Hands on what has come, while the client has room for it. */
  pump(): void {
    const { stream } = this;
    while (this.#isClosed || (this.#startedMs !== undefined && !this.#deps.output.isFull)) {
      // Fetches more, or the end. Reading without a size would give that, too, and be too long.
      if (stream.readableLength === 0) stream.read(0);
      const bytes = stream.read(Math.min(stream.readableLength, MAX_RECV_BYTES)) as Buffer | null;
      if (bytes === null) return;
      if (!this.#isClosed) this.#tell(COMMAND.recv, bytes);
    }
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed || !this.stream.writable) return;
    const { backlog, drained } = this.#deps;
    const { length } = bytes;
    backlog.add(this, length);
    this.stream.write(length < MIN_HELD_BYTES ? Buffer.from(bytes) : bytes, () => {
      if (backlog.remove(this, length)) drained();
    });
  }

  /** Finishes our half once it has left; what still comes is read and dropped, until the peer has finished, too. */
  close(): void {
    if (!this.#leave() || this.stream.destroyed) return;
    this.#cancelLinger = this.#deps.clock.after(LINGER_MS, () => {
      this.abandon('timeout');
    });
    this.stream.end();
    this.pump();
  }

  /** Somebody else ends it: the client is told. */
  disconnect(): void {
    // What it has not been told of yet, it is told the end of afterwards.
    if (this.#startedMs === undefined) this.#hasEnded = true;
    else if (!this.#hasEnded) this.#tell(COMMAND.closeOk);
    this.close();
  }

  /** At once, with all that waits. */
  abandon(code: string): void {
    this.stream.abandon(code);
  }

  #leave(): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    this.#deps.left();
    return true;
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#startedMs !== undefined && !this.#isClosed) this.#tellEnd(this.#startedMs);
  }

  #tellEnd(startedMs: number): void {
    const { clock } = this.#deps;
    const waitMs = startedMs + END_DELAY_MS - clock.monotonic();
    if (waitMs <= 0) {
      this.#tell(COMMAND.closeOk);
      return;
    }
    clock.after(waitMs, () => {
      this.#tell(COMMAND.closeOk);
    });
  }

  #tell(command: number, bytes: Uint8Array = new Uint8Array()): void {
    const id = new ByteWriter(4).u32(this.id).finish();
    this.#deps.output.write(encodeFrame(command, id, bytes));
  }
}
