/**
 * The rate at which a path delivers, after draft-ietf-ccwg-bbr, section 4.1: an acknowledgement says how much arrived
 * since the newest frame that it covers was sent, and that took at least as long
 *
 *     as it took to be acknowledged: from the last acknowledgement before that frame was sent until now,
 *     as it took to be sent: from the frame which that acknowledgement was about until that frame.
 *
 * The second counts when acknowledgements come late and all at once, as they do when a link keeps everything back
 * behind one lost packet.
 */
import type { Clock } from '../base/clock.ts';

/** Clocks have a grain, and a quotient needs a divisor. */
const MIN_INTERVAL_MS = 0.05;

interface Sent {
  readonly sequence: number;
  readonly sentMs: number;
  /** As they were when it was sent. */
  readonly firstSentMs: number;
  readonly deliveredMs: number;
  readonly deliveredBytes: number;
}

export class DeliveryRate {
  readonly #clock: Clock;
  #underWay: Sent[] = [];
  /** When what was acknowledged last had been sent. */
  #firstSentMs = 0;
  /** When it was acknowledged. */
  #deliveredMs = 0;
  #deliveredBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  restart(): void {
    this.#underWay = [];
  }

  /** A frame went out under this number, greater than those before. */
  sent(sequence: number): void {
    const nowMs = this.#clock.monotonic();
    if (this.#underWay.length === 0) {
      this.#firstSentMs = nowMs;
      this.#deliveredMs = nowMs;
    }
    this.#underWay.push({
      ...{ sequence, sentMs: nowMs, firstSentMs: this.#firstSentMs },
      ...{ deliveredMs: this.#deliveredMs, deliveredBytes: this.#deliveredBytes },
    });
  }

  /** Everything below `next` has arrived, `bytes` of it just now. In bytes a millisecond; undefined: it says nothing. */
  acknowledged(next: number, bytes: number): number | undefined {
    const nowMs = this.#clock.monotonic();
    this.#deliveredBytes += bytes;
    this.#deliveredMs = nowMs;
    const left = this.#underWay.findIndex(({ sequence }) => sequence >= next);
    const covered = this.#underWay.splice(0, left < 0 ? this.#underWay.length : left);
    const newest = covered.at(-1);
    if (newest === undefined) return undefined;
    this.#firstSentMs = newest.sentMs;
    const intervalMs = Math.max(newest.sentMs - newest.firstSentMs, nowMs - newest.deliveredMs);
    const delivered = this.#deliveredBytes - newest.deliveredBytes;
    return delivered / Math.max(MIN_INTERVAL_MS, intervalMs);
  }
}
