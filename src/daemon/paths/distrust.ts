import { Backoff, type BackoffSettings } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';

/** A path that is good and bad by turns is used less and less: a session that moves resends what is under way. */
const DISTRUST: BackoffSettings = {
  initialMs: 30_000,
  maxMs: 600_000,
  multiplier: 2,
  jitter: false,
};
/** As long as the longest distrust. */
const FORGIVEN_AFTER_MS = DISTRUST.maxMs;

/** For how long a path that was left because it lost packets is not taken again, even when it loses none. */
export class Distrust {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #path: string | undefined;
  #untilMs = -Infinity;

  constructor(clock: Clock, random: RandomBytes) {
    this.#clock = clock;
    this.#backoff = new Backoff(DISTRUST, random);
  }

  /** The path was left. */
  add(path: string): void {
    const nowMs = this.#clock.monotonic();
    if (path !== this.#path || nowMs - this.#untilMs > FORGIVEN_AFTER_MS) this.#backoff.reset();
    this.#path = path;
    this.#untilMs = nowMs + this.#backoff.next();
  }

  has(path: string): boolean {
    return path === this.#path && this.#clock.monotonic() < this.#untilMs;
  }
}
