import type { OutgoingFrame } from './frame.ts';

const MAX_PENDING_FRAMES = 256;
const MAX_PENDING_BYTES = 2 ** 20;

/** Control frames and datagrams of one moment that wait to be put into a packet. */
export class PendingFrames {
  #frames: OutgoingFrame[] = [];
  #bytes = 0;

  /** False when so much waits already that somebody is not playing by the rules. */
  add(frame: OutgoingFrame): boolean {
    const bytes = this.#bytes + frame.body.length;
    if (this.#frames.length >= MAX_PENDING_FRAMES || bytes > MAX_PENDING_BYTES) return false;
    this.#frames.push(frame);
    this.#bytes = bytes;
    return true;
  }

  takeAll(): readonly OutgoingFrame[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    return frames;
  }
}
