import type { Cancel, Clock } from '../base/clock.ts';

/**
 * One moment that is often put off. Putting it off costs nothing: the timer that is armed fires at its
 * old time and arms itself again for the new one.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #due: () => void;
  #dueMs: number | undefined;
  #timer: { readonly firesMs: number; readonly cancel: Cancel } | undefined;

  constructor(clock: Clock, due: () => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get isSet(): boolean {
    return this.#dueMs !== undefined;
  }

  /** Due at `dueMs` of the monotonic clock, in place of what was set before. */
  set(dueMs: number): void {
    this.#dueMs = dueMs;
    if (this.#timer === undefined || this.#timer.firesMs > dueMs) this.#arm(dueMs);
  }

  setIn(ms: number): void {
    this.set(this.#clock.monotonic() + ms);
  }

  clear(): void {
    this.#dueMs = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Like `clear`, for one that is set again soon: the timer stays, and fires in vain if it is not. */
  unset(): void {
    this.#dueMs = undefined;
  }

  #arm(dueMs: number): void {
    this.#timer?.cancel();
    const cancel = this.#clock.after(Math.max(0, dueMs - this.#clock.monotonic()), () => {
      this.#fire();
    });
    this.#timer = { firesMs: dueMs, cancel };
  }

  #fire(): void {
    this.#timer = undefined;
    const dueMs = this.#dueMs;
    if (dueMs === undefined) return;
    // A timer may fire a little early: hosts round.
    if (dueMs - this.#clock.monotonic() >= 1) {
      this.#arm(dueMs);
      return;
    }
    this.#dueMs = undefined;
    this.#due();
  }
}
