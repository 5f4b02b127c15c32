import { type RandomBytes, randomFraction } from './random.ts';

export interface BackoffSettings {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly multiplier: number;
  /** Full jitter: each delay is drawn evenly from 0 to its ceiling, so that many hosts spread out. */
  readonly jitter: boolean;
}

/** Growing delays between attempts: exponential with full jitter. */
export class Backoff {
  readonly #settings: BackoffSettings;
  readonly #random: RandomBytes;
  #failures = 0;

  constructor(settings: BackoffSettings, random: RandomBytes) {
    this.#settings = settings;
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  /** The longest that the next delay can be, in milliseconds. */
  get ceilingMs(): number {
    return ceilingOf(this.#settings, this.#failures);
  }

  /** Counts one more failure and gives the delay before the next attempt, in milliseconds. */
  next(): number {
    const delay = backoffDelay(this.#settings, this.#failures, this.#random);
    this.#failures += 1;
    return delay;
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** The delay after `failures` earlier failures, in milliseconds. */
export function backoffDelay(
  settings: BackoffSettings,
  failures: number,
  random: RandomBytes,
): number {
  const ceilingMs = ceilingOf(settings, failures);
  return settings.jitter ? Math.round(ceilingMs * randomFraction(random)) : ceilingMs;
}

function ceilingOf({ initialMs, maxMs, multiplier }: BackoffSettings, failures: number): number {
  return Math.min(maxMs, initialMs * multiplier ** failures);
}
