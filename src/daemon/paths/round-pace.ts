/**
 * When the addresses of a node are looked for again:
 *
 *     servers answer                        every 5 minutes
 *     they do not, and never did            after 10 s, 20 s, … 5 minutes at most
 *     they do not any more                  3 s after each round, for 10 minutes; then as above
 *
 * The last is UDP that was blocked: whoever had direct paths wants them back within 15 s of its end. A round takes 5 s,
 * so it is noticed within 5 s; what it costs is four requests to each server in 8 s.
 */
import { Backoff, type BackoffSettings } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import { type RandomBytes, randomFraction } from '../../base/random.ts';

/** Three quarters to five quarters of it, so that nodes which were started together spread out. */
export const ROUND_MS = 5 * 60_000;
/** Names and relays come late at the start of a host. */
const RETRY: BackoffSettings = { initialMs: 10_000, maxMs: ROUND_MS, multiplier: 2, jitter: true };
/** Also whoever asks sooner after the last round waits for this; many peers lose their paths at one time. */
export const MIN_ROUND_MS = 2_000;
const SOON_MS = 3_000;
const SOON_FOR_MS = 10 * 60_000;

export type RoundOutcome = 'answered' | 'silent' | 'nobody_to_ask';

export class RoundPace {
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #retry: Backoff;
  /** Since the end of the first round that had no answer, after some that had one. */
  #silentSinceMs: number | undefined;
  #hadAnswer = false;

  constructor(clock: Clock, random: RandomBytes) {
    this.#clock = clock;
    this.#random = random;
    this.#retry = new Backoff(RETRY, random);
  }

  /** Whoever cares has been told that everything may be different: nothing is to come back. */
  forget(): void {
    this.#silentSinceMs = undefined;
  }

  /** A round is over. `isBack`: the first one with an answer after some without. */
  next(outcome: RoundOutcome): { readonly delayMs: number; readonly isBack: boolean } {
    if (outcome !== 'silent') {
      const isBack = this.#silentSinceMs !== undefined;
      this.#silentSinceMs = undefined;
      this.#hadAnswer ||= outcome === 'answered';
      this.#retry.reset();
      return { delayMs: Math.round(ROUND_MS * (0.75 + randomFraction(this.#random) / 2)), isBack };
    }
    const nowMs = this.#clock.monotonic();
    if (this.#hadAnswer) this.#silentSinceMs ??= nowMs;
    const isSoon = this.#silentSinceMs !== undefined && nowMs - this.#silentSinceMs < SOON_FOR_MS;
    const delayMs = isSoon ? SOON_MS : Math.max(MIN_ROUND_MS, this.#retry.next());
    return { delayMs, isBack: false };
  }
}
