/**
 * Reliable frames on their way out, by sequence number:
 *
 *        first            cursor              sent              end
 *          |  under way     |  to send again    |  not sent yet   |
 *     ─────┴────────────────┴───────────────────┴─────────────────┴─────> sequence
 *     acknowledged
 *
 * Bounded by frames, by bytes, and by what the peer says it takes; one frame may always be under way, so
 * that a window smaller than a body stops nothing. Frames of streams leave a part of it to messages.
 */
import { FRAME, type OutgoingFrame } from './frame.ts';

export const MAX_RESEND_FRAMES = 1024;
export const MAX_RESEND_BYTES = 4 * 2 ** 20;
/** Stream data may fill so much of it; what streams owe the peer a little more. */
const DATA_PART = 3 / 4;
const CONTROL_PART = 7 / 8;

export class ResendQueue {
  readonly #frames: OutgoingFrame[] = [];
  #first = 0;
  #cursor = 0;
  #sent = 0;
  #bytes = 0;
  #dataFrames = 0;
  #dataBytes = 0;
  #peerWindowBytes: number;

  constructor(peerWindowBytes: number) {
    this.#peerWindowBytes = peerWindowBytes;
  }

  /** The sequence number that the next frame to be sent gets or has. */
  get cursor(): number {
    return this.#cursor;
  }

  /** The sequence number that the next frame to be pushed gets. */
  get end(): number {
    return this.#first + this.#frames.length;
  }

  /** Everything that is not acknowledged. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of that, stream data. */
  get dataBytes(): number {
    return this.#dataBytes;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** Everything that is not acknowledged, in order. */
  get frames(): readonly OutgoingFrame[] {
    return this.#frames;
  }

  /** True while frames have been sent that the peer has not acknowledged. */
  get hasUnderWay(): boolean {
    return this.#sent > this.#first;
  }

  /** Queues a frame, or takes nothing when the window is full. */
  push(type: number, body: Uint8Array): boolean {
    if (!this.#hasRoomFor(body.length)) return false;
    this.add(type, body);
    return true;
  }

  /** Queues a frame for which there is room. */
  add(type: number, body: Uint8Array): void {
    this.#frames.push({ type, sequence: this.end, body });
    this.#count(1, type, body.length);
  }

  /** Whether a frame of a stream may be added. */
  hasRoomForStream(what: 'data' | 'control'): boolean {
    if (this.isEmpty) return true;
    const part = what === 'data' ? DATA_PART : CONTROL_PART;
    return (
      this.#frames.length < part * MAX_RESEND_FRAMES && this.#bytes < part * this.#limitBytes()
    );
  }

  /** The next frame to put on the link, if there is one. */
  take(): OutgoingFrame | undefined {
    const frame = this.#frames[this.#cursor - this.#first];
    if (frame === undefined) return undefined;
    this.#cursor += 1;
    this.#sent = Math.max(this.#sent, this.#cursor);
    return frame;
  }

  /**
   * Forgets everything below `next`. `invalid` when the peer cannot have got that far; otherwise whether
   * it is news.
   */
  acknowledge(next: number, peerWindowBytes: number): 'news' | 'known' | 'invalid' {
    if (next > this.#sent) return 'invalid';
    if (next < this.#first) return 'known'; // overtaken on another link: its window is old too
    this.#peerWindowBytes = peerWindowBytes;
    const done = this.#frames.splice(0, next - this.#first);
    for (const { type, body } of done) this.#count(-1, type, -body.length);
    this.#first = next;
    this.#cursor = Math.max(this.#cursor, next);
    return done.length > 0 ? 'news' : 'known';
  }

  /** Everything that is not acknowledged goes out again. */
  rewind(): void {
    this.#cursor = this.#first;
  }

  /**
   * True when a good half is free: the moment to tell a sender that was turned away. Of what stream data leaves free:
   * that may fill its part for as long as it likes.
   */
  get hasDrained(): boolean {
    if (this.isEmpty) return true;
    const frames = this.#frames.length - this.#dataFrames;
    const bytes = this.#bytes - this.#dataBytes;
    return (
      frames <= (MAX_RESEND_FRAMES - this.#dataFrames) / 2 &&
      bytes <= (this.#limitBytes() - this.#dataBytes) / 2
    );
  }

  #count(frames: number, type: number, bytes: number): void {
    this.#bytes += bytes;
    if (type !== FRAME.data) return;
    this.#dataFrames += frames;
    this.#dataBytes += bytes;
  }

  #hasRoomFor(bytes: number): boolean {
    if (this.isEmpty) return true;
    return this.#frames.length < MAX_RESEND_FRAMES && this.#bytes + bytes <= this.#limitBytes();
  }

  #limitBytes(): number {
    return Math.min(MAX_RESEND_BYTES, this.#peerWindowBytes);
  }
}
