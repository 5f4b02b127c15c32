import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { TokenBucket } from '../../base/token-bucket.ts';

export interface CallLimitsSettings {
  /** Requests of the client that are being answered. */
  readonly maxCalls: number;
  /** Of these, such as wait for a peer. */
  readonly maxWaiting: number;
  /** What leaves this host: messages, requests for trust, pings. */
  readonly outgoing: { readonly perSecond: number; readonly burst: number };
}

/** A model in a loop is held up long before it is a burden for its peers. */
export const CALL_LIMITS: CallLimitsSettings = {
  maxCalls: 64,
  maxWaiting: 8,
  outgoing: { perSecond: 5, burst: 60 },
};

/** How much one client may do at once. PilotError `unavailable` is for what is beyond. */
export class CallLimits {
  readonly #settings: CallLimitsSettings;
  readonly #clock: Clock;
  readonly #outgoing: TokenBucket;
  #calls = 0;
  #waiting = 0;

  constructor(clock: Clock, settings = CALL_LIMITS) {
    this.#settings = settings;
    this.#clock = clock;
    this.#outgoing = new TokenBucket(settings.outgoing, clock.monotonic());
  }

  async call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#calls >= this.#settings.maxCalls) throw tooMany(this.#calls, 'requests run');
    this.#calls += 1;
    try {
      return await work();
    } finally {
      this.#calls -= 1;
    }
  }

  /** For work that goes to a peer and, with `waits`, stays for its answer. */
  async outgoing<T>(waits: boolean, work: () => Promise<T>): Promise<T> {
    const { maxWaiting, outgoing } = this.#settings;
    if (waits && this.#waiting >= maxWaiting) throw tooMany(this.#waiting, 'calls wait for peers');
    if (!this.#outgoing.take(this.#clock.monotonic())) {
      throw new PilotError('unavailable', `more than ${outgoing.perSecond} calls a second`, {
        hint: 'wait some seconds before you go on',
      });
    }
    this.#waiting += waits ? 1 : 0;
    try {
      return await work();
    } finally {
      this.#waiting -= waits ? 1 : 0;
    }
  }
}

function tooMany(count: number, what: string): PilotError {
  return new PilotError('unavailable', `${count} ${what} already`, {
    hint: 'wait until one of them is done',
  });
}
