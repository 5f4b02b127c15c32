/**
 * Both halves of the reliable frames of one session: everything arrives once and in order, over
 * whatever links come and go.
 *
 *   out   Frames stay in the resend queue until acknowledged. When the link changes, what is new waits
 *         until the peer has said in a RESUME what it has; from there everything goes out again.
 *         Links keep order while they live, so there is no timer per frame. One timer asks when
 *         nothing is acknowledged for 2 s (doubling to 16 s).
 *   in    Only the next frame is taken. One that is further on shows that frames were lost: a RESUME
 *         asks for them. ACKs are put off for 20 ms, 32 frames or 64 KiB, and ride on what goes out anyway; for
 *         3 ms from 4 KiB on, since a sender of so much sees by them how fast the path is.
 */
import type { Clock } from '../base/clock.ts';
import { Deadline } from './deadline.ts';
import {
  type Ack,
  decodeAck,
  decodeResume,
  encodeAck,
  encodeResume,
  type OutgoingFrame,
  type ResumeFlags,
} from './frame.ts';
import { readable } from './readable.ts';
import { ResendQueue } from './resend-queue.ts';

export const ACK_DELAY_MS = 20;
/** Once so much is owed. */
const ACK_SOON_BYTES = 4096;
const ACK_SOON_MS = 3;
export const ACK_AFTER_FRAMES = 32;
/** At most a quarter of the window: the sender need never stop for want of an ACK. */
const ACK_AFTER_WINDOW_PART = 1 / 4;
/** What stream-budget.ts always allows to be under way. */
const ACK_AFTER_BYTES = 64 * 1024;
export const FIRST_SILENCE_MS = 2000;
export const MAX_SILENCE_MS = 16_000;
/** After a gap the frames behind it keep coming for a round trip: one request is enough for them all. */
export const GAP_PAUSE_MS = 500;

const NO_FLAGS: ResumeFlags = { wantsAnswer: false, wantsFrames: false, isAnswer: false };

export interface ReliableStreamDeps {
  readonly clock: Clock;
  readonly peerWindowBytes: number;
  readonly receiveWindowBytes: number;
  /** There is something to send. */
  readonly flushSoon: () => void;
  /** Nothing was acknowledged for a while; a RESUME is about to ask. */
  readonly onSilence: () => void;
  /** There is room again after `push` said no. */
  readonly onWritable: () => void;
  /** Everything below `next` has arrived, `bytes` of it just now. */
  readonly onAcknowledged: (next: number, bytes: number) => void;
}

export class ReliableStream {
  readonly #deps: ReliableStreamDeps;
  readonly #queue: ResendQueue;
  readonly #ackDelay: Deadline;
  readonly #silence: Deadline;
  readonly #gapPause: Deadline;
  #hasLink = false;
  #wasFull = false;
  /** A RESUME of ours is unanswered: the frames below this were sent before it. */
  #askedUpTo: number | undefined;
  /** New frames wait for the answer. */
  #isPaused = false;
  #silenceMs = FIRST_SILENCE_MS;
  #nextExpected = 0;
  #unackedFrames = 0;
  #unackedBytes = 0;
  #ackDue = false;
  #resumeDue: ResumeFlags | undefined;
  #sawGap = false;

  constructor(deps: ReliableStreamDeps) {
    this.#deps = deps;
    this.#queue = new ResendQueue(deps.peerWindowBytes);
    this.#ackDelay = new Deadline(deps.clock, () => {
      this.#ackDue = true;
      deps.flushSoon();
    });
    this.#silence = new Deadline(deps.clock, () => {
      this.#onSilence();
    });
    this.#gapPause = new Deadline(deps.clock, () => {
      if (this.#sawGap) this.#askForFrames();
    });
  }

  /** True while the peer owes us an acknowledgement, or will once there is a link. */
  get hasUnacknowledged(): boolean {
    return !this.#queue.isEmpty;
  }

  /** What was pushed with this type and is not acknowledged, in order. */
  unacknowledged(type: number): Uint8Array[] {
    return this.#queue.frames.filter((frame) => frame.type === type).map(({ body }) => body);
  }

  push(type: number, body: Uint8Array): boolean {
    if (!this.#queue.push(type, body)) {
      this.#wasFull = true;
      return false;
    }
    this.#deps.flushSoon();
    return true;
  }

  /** Stream data that is not acknowledged. */
  get dataBytes(): number {
    return this.#queue.dataBytes;
  }

  /** Whether a frame of a stream may be added: it would leave in this turn. */
  takesStream(what: 'data' | 'control'): boolean {
    return this.#hasLink && !this.#isPaused && this.#queue.hasRoomForStream(what);
  }

  /** Adds a frame for which `takesStream` says there is room; gives its number. */
  addStream(type: number, body: Uint8Array): number {
    const sequence = this.#queue.end;
    this.#queue.add(type, body);
    return sequence;
  }

  /** The link that there is at the start: nothing can have been lost on it. */
  begin(hasLink: boolean): void {
    this.#hasLink = hasLink;
  }

  /** A new link (true), or none any more (false). */
  linkChanged(hasLink: boolean): void {
    this.#hasLink = hasLink;
    this.#silenceMs = FIRST_SILENCE_MS;
    if (hasLink) {
      this.#isPaused = this.#queue.hasUnderWay;
      this.#ask({ wantsFrames: true });
    } else {
      this.#silence.clear();
    }
  }

  /** Sends a RESUME that wants an answer, and asks again until there is one. */
  ask(): void {
    this.#ask({ wantsFrames: false });
  }

  // Going out.

  /** Hands every frame that may go out now to `add`: control frames first. */
  takeFrames(add: (frame: OutgoingFrame) => void): void {
    const first = this.#takeResume();
    if (first !== undefined) add(first);
    for (let frame = this.#takeReliable(); frame !== undefined; frame = this.#takeReliable()) {
      if (this.#unackedFrames > 0) add(this.#takeAck()); // rides along
      add(frame);
    }
    if (this.#ackDue) add(this.#takeAck());
    this.#watch();
  }

  // Coming in.

  /** What to do with a reliable frame of this sequence number. */
  accept(sequence: number, bytes: number): 'deliver' | 'duplicate' | 'gap' {
    if (sequence > this.#nextExpected) {
      this.#sawGap = true;
      if (!this.#gapPause.isSet) this.#askForFrames();
      return 'gap';
    }
    const isNew = sequence === this.#nextExpected;
    if (isNew) {
      this.#nextExpected += 1;
      this.#sawGap = false;
    }
    this.#noteUnacked(bytes);
    return isNew ? 'deliver' : 'duplicate';
  }

  /** False when it is malformed, or acknowledges what was never sent. */
  onAck(body: Uint8Array): boolean {
    const ack = readable(decodeAck, body);
    return ack !== undefined && this.#acknowledge(ack);
  }

  /** As `onAck`. */
  onResume(body: Uint8Array): boolean {
    const resume = readable(decodeResume, body);
    if (resume === undefined || !this.#acknowledge(resume)) return false;
    if (resume.wantsAnswer) this.#queueResume({ isAnswer: true });
    if (resume.wantsFrames) {
      this.#answered(true);
    } else if (resume.isAnswer && this.#askedUpTo !== undefined) {
      // What was sent before the question and is not there by now will never be.
      this.#answered(resume.next < this.#askedUpTo);
    }
    return true;
  }

  /** Also in the middle of what it does: whoever hears that there is room may end the session. */
  stop(): void {
    this.#hasLink = false;
    this.#ackDelay.clear();
    this.#silence.clear();
    this.#gapPause.clear();
  }

  #acknowledge({ next, windowBytes }: Ack): boolean {
    const before = this.#queue.bytes;
    const result = this.#queue.acknowledge(next, windowBytes);
    if (result === 'news') {
      this.#progressed();
      this.#deps.onAcknowledged(next, before - this.#queue.bytes);
    }
    this.#tellWritable();
    return result !== 'invalid';
  }

  #takeReliable(): OutgoingFrame | undefined {
    return this.#isPaused ? undefined : this.#queue.take();
  }

  #takeResume(): OutgoingFrame | undefined {
    const due = this.#resumeDue;
    if (due === undefined) return undefined;
    this.#resumeDue = undefined;
    return encodeResume({ ...due, ...this.#ackState() });
  }

  #takeAck(): OutgoingFrame {
    return encodeAck(this.#ackState());
  }

  /** What ACK and RESUME say; having said it, there is nothing left to acknowledge. */
  #ackState(): Ack {
    this.#unackedFrames = 0;
    this.#unackedBytes = 0;
    this.#ackDue = false;
    this.#ackDelay.unset();
    return { next: this.#nextExpected, windowBytes: this.#deps.receiveWindowBytes };
  }

  #noteUnacked(bytes: number): void {
    const wasLittle = this.#unackedBytes < ACK_SOON_BYTES;
    this.#unackedFrames += 1;
    this.#unackedBytes += bytes;
    const partBytes = this.#deps.receiveWindowBytes * ACK_AFTER_WINDOW_PART;
    const limitBytes = Math.min(partBytes, ACK_AFTER_BYTES);
    if (this.#unackedFrames >= ACK_AFTER_FRAMES || this.#unackedBytes >= limitBytes) {
      this.#ackDue = true;
      this.#deps.flushSoon();
    } else if (wasLittle && this.#unackedBytes >= ACK_SOON_BYTES) {
      this.#ackDelay.setIn(ACK_SOON_MS);
    } else if (!this.#ackDelay.isSet) {
      this.#ackDelay.setIn(ACK_DELAY_MS);
    }
  }

  #askForFrames(): void {
    this.#sawGap = false;
    this.#gapPause.setIn(GAP_PAUSE_MS);
    this.#queueResume({ wantsFrames: true });
  }

  #ask({ wantsFrames }: { wantsFrames: boolean }): void {
    this.#askedUpTo = this.#queue.cursor;
    this.#queueResume({ wantsAnswer: true, wantsFrames });
    this.#watch();
  }

  /** One RESUME says everything that is to be said at the moment. */
  #queueResume(more: Partial<ResumeFlags>): void {
    const due = this.#resumeDue ?? NO_FLAGS;
    this.#resumeDue = {
      wantsAnswer: due.wantsAnswer || more.wantsAnswer === true,
      wantsFrames: due.wantsFrames || more.wantsFrames === true,
      isAnswer: due.isAnswer || more.isAnswer === true,
    };
    this.#deps.flushSoon();
  }

  #answered(sendAgain: boolean): void {
    this.#askedUpTo = undefined;
    this.#isPaused = false;
    if (sendAgain) this.#queue.rewind();
    this.#progressed();
    this.#deps.flushSoon();
  }

  #progressed(): void {
    this.#silenceMs = FIRST_SILENCE_MS;
    if (this.#isOwed) this.#silence.setIn(this.#silenceMs);
    else this.#silence.unset();
  }

  #tellWritable(): void {
    if (!this.#wasFull || !this.#queue.hasDrained) return;
    this.#wasFull = false;
    this.#deps.onWritable();
  }

  get #isOwed(): boolean {
    return this.#hasLink && (this.#queue.hasUnderWay || this.#askedUpTo !== undefined);
  }

  /** Starts waiting for the peer, if it owes us something. */
  #watch(): void {
    if (this.#isOwed && !this.#silence.isSet) this.#silence.setIn(this.#silenceMs);
  }

  #onSilence(): void {
    if (!this.#hasLink) return;
    this.#silenceMs = Math.min(MAX_SILENCE_MS, this.#silenceMs * 2);
    this.#deps.onSilence();
    this.ask();
  }
}
