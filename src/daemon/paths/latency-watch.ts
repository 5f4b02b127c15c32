/**
 * Is the path in use too slow? Judged by smoothed round trips, as they are measured.
 *
 *     ok ── above the limit for 10 s ──> slow ── below four fifths of it for 30 s, or there is no path ──> ok
 *
 * What goes up and down around the limit changes nothing, so a state lasts 30 s at least.
 */
import type { Clock } from '../../base/clock.ts';

/** Two probes of consent, or two pings of a session that is used. */
export const SLOW_AFTER_MS = 10_000;
export const FAST_AFTER_MS = 30_000;
const FAST_PART = 0.8;

export class LatencyWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #isSlow = false;
  /** Since when what is measured speaks for the other state. */
  #otherSinceMs: number | undefined;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  get isSlow(): boolean {
    return this.#isSlow;
  }

  /** True when the state has changed. */
  sample(rttMs: number): boolean {
    const speaksForOther = this.#isSlow ? rttMs < this.#limitMs * FAST_PART : rttMs > this.#limitMs;
    if (!speaksForOther) {
      this.#otherSinceMs = undefined;
      return false;
    }
    const nowMs = this.#clock.monotonic();
    this.#otherSinceMs ??= nowMs;
    const afterMs = this.#isSlow ? FAST_AFTER_MS : SLOW_AFTER_MS;
    if (nowMs - this.#otherSinceMs < afterMs) return false;
    this.#set(!this.#isSlow);
    return true;
  }

  /** Nothing is measured any more. True when it was slow. */
  reset(): boolean {
    const wasSlow = this.#isSlow;
    this.#set(false);
    return wasSlow;
  }

  #set(isSlow: boolean): void {
    this.#isSlow = isSlow;
    this.#otherSinceMs = undefined;
  }
}
