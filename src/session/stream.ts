/**
 * One stream of a session. Its halves end apart; a reset ends both at once, and what was not read or sent.
 *
 *     ours:    [opening] ──ACCEPT──> [open] ──finish()──> [finishing] ──all sent──> FIN, [finished]
 *     theirs:  [offered] ──accept()──^          and, the other way: open ──FIN──> ended, once it is read
 *
 *     from everywhere: reset(), RST, the session's end ──> [reset]
 *
 * What is written stays where it is until frames are made of it: `drained` says when. The peer's bytes wait
 * here until they are read, and only what has been read makes room for more.
 */
import { PilotError } from '../base/pilot-error.ts';
import type { ClosedReason } from './closed-reason.ts';
import { StreamBytes } from './stream-bytes.ts';
import {
  encodeDataFrame,
  encodeStreamFrame,
  isResetCode,
  type StreamFrame,
  type StreamFrameBody,
} from './stream-frame.ts';
import type { ReceiveWindow } from './stream-windows.ts';
import type { Violation } from './violation.ts';

/** Who ended it, and why: a code of the peer's, or what became of the session. */
export type StreamReset =
  | { readonly by: 'peer'; readonly code: string }
  | { readonly by: 'session'; readonly code: ClosedReason };

/** What a stream tells its owner. Every call may call the stream back. */
export interface StreamHandlers {
  /** The peer has taken a stream that we opened. */
  accepted(): void;
  /** `read` has something again. */
  readable(): void;
  /** Frames have been made of everything that was written, and there is credit or not: more may be written. */
  drained(): void;
  /** The last call; not after `reset` of our own. */
  reset(reset: StreamReset): void;
}

/** A stream as its owner uses it. */
export interface SessionStream {
  /** Which port of the side that did not open it. */
  readonly port: number;
  /** Which port of the side that did. */
  readonly sourcePort: number;
  readonly isOver: boolean;
  /** Set at once when a stream comes in; it tells nothing before the end of that turn. */
  handlers: StreamHandlers;
  /** Takes a stream that the peer opened. */
  accept(): void;
  /** Takes the bytes over until `drained`: they must not change before. Not after `finish`. */
  write(bytes: Uint8Array): void;
  /** No more will be written. */
  finish(): void;
  /** The next bytes; `end`: the peer has finished; undefined: nothing at the moment. */
  read(): Uint8Array | 'end' | undefined;
  /** Ends both halves; also how a stream that came in is refused. The code goes to the peer. */
  reset(code: string): void;
}

/** What a stream needs of those around it. */
export interface StreamDeps {
  readonly window: ReceiveWindow;
  /** It owes the peer a frame, or has bytes for it. */
  readonly hasFrames: (stream: Stream) => void;
  /** It is over and read: nothing is left of it. */
  readonly left: (stream: Stream) => void;
}

export interface StreamPlace {
  readonly id: number;
  readonly port: number;
  readonly sourcePort: number;
  readonly isOurs: boolean;
}

const DEAF: StreamHandlers = {
  accepted: () => undefined,
  readable: () => undefined,
  drained: () => undefined,
  reset: () => undefined,
};

type Sending = 'waiting' | 'open' | 'finishing' | 'finished';
type Owed = 'open' | 'accept' | { readonly reset: string };

export class Stream implements SessionStream {
  readonly id: number;
  readonly port: number;
  readonly sourcePort: number;
  readonly isOurs: boolean;
  handlers = DEAF;
  readonly #deps: StreamDeps;
  readonly #outgoing = new StreamBytes();
  readonly #incoming = new StreamBytes();
  #sending: Sending = 'waiting';
  #credit = 0;
  #owed: Owed | undefined;
  #hasPeerFinished = false;
  #isEndRead = false;
  #isReset = false;

  constructor({ id, port, sourcePort, isOurs }: StreamPlace, deps: StreamDeps) {
    this.id = id;
    this.port = port;
    this.sourcePort = sourcePort;
    this.isOurs = isOurs;
    this.#deps = deps;
  }

  get isOver(): boolean {
    return this.#isReset || (this.#sending === 'finished' && this.#isEndRead);
  }

  // For its owner.

  accept(): void {
    if (this.#isReset || this.isOurs || this.#sending !== 'waiting') return;
    this.#sending = 'open';
    this.#owe('accept');
  }

  write(bytes: Uint8Array): void {
    if (this.#isReset) return;
    if (this.#sending === 'finishing' || this.#sending === 'finished') {
      throw new PilotError('internal', 'a stream was written to after its end');
    }
    this.#outgoing.push(bytes);
    if (this.hasData) this.#deps.hasFrames(this);
  }

  finish(): void {
    if (this.#isReset || this.#sending === 'finishing' || this.#sending === 'finished') return;
    if (this.#sending === 'waiting') throw new PilotError('internal', 'the stream is not open yet');
    this.#sending = 'finishing';
    this.#deps.hasFrames(this);
  }

  read(): Uint8Array | 'end' | undefined {
    const bytes = this.#incoming.take();
    if (bytes === undefined) {
      if (!this.#hasPeerFinished) return undefined;
      this.#isEndRead = true;
      this.#leaveIfOver();
      return 'end';
    }
    const { window } = this.#deps;
    window.read(bytes.length);
    if (window.isOwed && this.#takesMore) this.#deps.hasFrames(this);
    return bytes;
  }

  reset(code: string): void {
    if (!isResetCode(code)) throw new RangeError('not a code for the wire');
    if (this.isOver) return;
    // The peer does not know of it yet: then it need not.
    const isUnknown = this.#owed === 'open';
    this.#discard();
    if (isUnknown) this.#deps.left(this);
    else this.#owe({ reset: code });
  }

  // For the session: what it sends.

  /** Asks the peer for the stream. */
  begin(): void {
    this.#owe('open');
  }

  get hasControl(): boolean {
    return this.#owed !== undefined || (this.#takesMore && this.#deps.window.isOwed);
  }

  /** Bytes with credit for them, or the end. */
  get hasData(): boolean {
    if (this.#sending === 'finishing' && this.#outgoing.length === 0) return true;
    const isOpen = this.#sending === 'open' || this.#sending === 'finishing';
    return isOpen && this.#outgoing.length > 0 && this.#credit > 0;
  }

  takeControl(): StreamFrameBody | undefined {
    const { id, port, sourcePort } = this;
    const { window } = this.#deps;
    const owed = this.#owed;
    this.#owed = undefined;
    if (owed === 'open') {
      return encodeStreamFrame({ kind: 'open', id, port, sourcePort, windowBytes: window.bytes });
    }
    if (owed === 'accept') {
      return encodeStreamFrame({ kind: 'accept', id, windowBytes: window.bytes });
    }
    if (owed !== undefined) {
      this.#deps.left(this);
      return encodeStreamFrame({ kind: 'reset', id, code: owed.reset });
    }
    if (!this.#takesMore || !window.isOwed) return undefined;
    return encodeStreamFrame({ kind: 'window', id, windowBytes: window.takeCredit() });
  }

  takeData(maxBytes: number): StreamFrameBody | undefined {
    const count = Math.min(this.#outgoing.length, this.#credit, maxBytes);
    if (count === 0) return this.#takeFin();
    const frame = encodeDataFrame(this.id, count, (target, offset) => {
      this.#outgoing.moveTo(target, offset, count);
    });
    this.#credit -= count;
    if (this.#outgoing.length === 0 && this.#sending === 'open') this.handlers.drained();
    return frame;
  }

  // For the session: what it has received.

  receive(frame: Exclude<StreamFrame, { kind: 'open' }>): Violation | undefined {
    // What was under way when we reset it.
    if (this.#isReset) return undefined;
    switch (frame.kind) {
      case 'accept':
        return this.#onAccept(frame.windowBytes);
      case 'window':
        return this.#onWindow(frame.windowBytes);
      case 'data':
        return this.#onData(frame.bytes);
      case 'fin':
        return this.#onFin();
      case 'reset':
        this.#endedBy({ by: 'peer', code: frame.code });
        return undefined;
    }
  }

  /** The credit that came with the peer's OPEN. */
  offered(windowBytes: number): void {
    this.#credit = windowBytes;
  }

  sessionEnded(code: ClosedReason): void {
    if (!this.isOver) this.#endedBy({ by: 'session', code });
  }

  #onAccept(windowBytes: number): Violation | undefined {
    const isAwaited = this.isOurs && this.#sending === 'waiting' && this.#owed !== 'open';
    if (!isAwaited) return 'stream_not_open';
    this.#sending = 'open';
    this.#credit = windowBytes;
    this.handlers.accepted();
    if (this.hasData) this.#deps.hasFrames(this);
    return undefined;
  }

  #onWindow(windowBytes: number): Violation | undefined {
    if (this.#sending === 'waiting') return 'stream_not_open';
    this.#credit += windowBytes;
    if (this.hasData) this.#deps.hasFrames(this);
    // A window that no 32 bits can hold is none that a sound peer gives.
    return this.#credit < 2 ** 32 ? undefined : 'credit_too_large';
  }

  #onData(bytes: Uint8Array): Violation | undefined {
    if (this.#hasPeerFinished) return 'data_after_end';
    if (this.#isNotOpenToPeer) return 'stream_not_open';
    if (!this.#deps.window.received(bytes.length)) return 'window_exceeded';
    this.#incoming.push(bytes);
    this.handlers.readable();
    return undefined;
  }

  #onFin(): Violation | undefined {
    if (this.#hasPeerFinished) return 'data_after_end';
    if (this.#isNotOpenToPeer) return 'stream_not_open';
    this.#hasPeerFinished = true;
    this.handlers.readable();
    return undefined;
  }

  /** Bytes come only after ACCEPT, which is on its way before anything else of the side that gives it. */
  get #isNotOpenToPeer(): boolean {
    return this.#sending === 'waiting' || this.#owed === 'accept';
  }

  get #takesMore(): boolean {
    return !this.#hasPeerFinished && !this.#isReset;
  }

  #takeFin(): StreamFrameBody | undefined {
    if (this.#sending !== 'finishing' || this.#outgoing.length > 0) return undefined;
    this.#sending = 'finished';
    this.#leaveIfOver();
    return encodeStreamFrame({ kind: 'fin', id: this.id });
  }

  #owe(owed: Owed): void {
    this.#owed = owed;
    this.#deps.hasFrames(this);
  }

  #endedBy(reset: StreamReset): void {
    this.#owed = undefined;
    this.#discard();
    this.#deps.left(this);
    this.handlers.reset(reset);
  }

  #discard(): void {
    this.#isReset = true;
    this.#outgoing.clear();
    this.#incoming.clear();
    this.#sending = 'finished';
  }

  #leaveIfOver(): void {
    if (this.isOver) this.#deps.left(this);
  }
}
