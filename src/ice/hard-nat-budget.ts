/**
 * How much a node punches: one attempt at a time, and 20 s from the end of one to the next. Thousands of
 * entries at once break the tables of real routers, and look like a flood.
 */
import type { Clock } from '../base/clock.ts';

export const PUNCH_GAP_MS = 20_000;

export interface PunchLease {
  /** `hasPunched` false gives it back as if it had not been taken. Calling it again does nothing. */
  end(hasPunched: boolean): void;
}

export class PunchBudget {
  readonly #clock: Clock;
  #holder: PunchLease | undefined;
  #freeAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#freeAtMs = clock.monotonic();
  }

  /** Undefined while another attempt runs, or has just ended. */
  take(): PunchLease | undefined {
    if (this.#holder !== undefined || this.#clock.monotonic() < this.#freeAtMs) return undefined;
    const lease: PunchLease = {
      end: (hasPunched) => {
        if (this.#holder !== lease) return;
        this.#holder = undefined;
        if (hasPunched) this.#freeAtMs = this.#clock.monotonic() + PUNCH_GAP_MS;
      },
    };
    this.#holder = lease;
    return lease;
  }
}
