/**
 * Whether the peer still wants our datagrams on the selected pair (RFC 7675): a request every 5 s, each a
 * transaction of its own without retransmission; consent is gone 30 s after the last answer.
 *
 *     answered ──interval──> probe ──retry──> probe ──retry──> ...  lost
 *         ^                    │
 *         └────── answer ──────┘
 *
 * 30 s protect the receiver. A path that is dead should be left sooner, so the second profile asks again
 * quickly once an answer is missing, and gives up when nothing at all came meanwhile.
 */
import type { Cancel, Clock } from '../base/clock.ts';
import { type RandomBytes, randomFraction } from '../base/random.ts';

export interface ConsentSettings {
  /** After an answer; randomized by 0.8 to 1.2 (RFC 7675, 5.1). */
  readonly intervalMs: number;
  /** The same while one of the last probes was lost, so that it is soon known how bad the path is. */
  readonly doubtMs?: number;
  /** After a probe that has no answer yet. */
  readonly retryMs: number;
  /** Lost when for so long neither an answer nor data came since the first probe without an answer. */
  readonly silenceMs: number;
  /** Lost in any case so long after the last answer (RFC 7675, 5.1). */
  readonly lifetimeMs: number;
}

/** The numbers of RFC 7675. */
export const RFC_CONSENT: ConsentSettings = {
  intervalMs: 5000,
  retryMs: 5000,
  silenceMs: Number.POSITIVE_INFINITY,
  lifetimeMs: 30_000,
};
/**
 * Ten probes lost in a row, 2 s: with the time before them an idle path is found dead within 8 s, one in use,
 * whose owner calls `probeNow` after half a second of silence, within 2.5 s, so that traffic flows again by another
 * way within 3 s. Where a tenth of all
 * packets is lost in each direction, ten in a row are lost once in 16 million times.
 */
export const QUICK_CONSENT: ConsentSettings = {
  intervalMs: 5000,
  doubtMs: 1000,
  retryMs: 200,
  silenceMs: 2000,
  lifetimeMs: 30_000,
};

export interface ConsentDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly probe: () => void;
  /** One of the last probes was lost. */
  readonly isInDoubt: () => boolean;
  /** Once; nothing is probed after it. */
  readonly lost: () => void;
}

export class Consent {
  readonly #deps: ConsentDeps;
  readonly #settings: ConsentSettings;
  #answeredMs: number;
  /** Of the first probe since the last answer or data. */
  #unansweredSinceMs: number | undefined;
  #cancel: Cancel = () => undefined;
  #isOver = false;

  /** The check that nominated the pair was the first answer. */
  constructor(deps: ConsentDeps, settings: ConsentSettings) {
    this.#deps = deps;
    this.#settings = settings;
    this.#answeredMs = deps.clock.monotonic();
    this.#rest();
  }

  /** For how long an answer, or data, has been awaited in vain; 0 while none is. */
  get silentMs(): number {
    const sinceMs = this.#unansweredSinceMs;
    return sinceMs === undefined ? 0 : this.#deps.clock.monotonic() - sinceMs;
  }

  /** An authentic answer to one of the probes. */
  answered(): void {
    if (this.#isOver) return;
    this.#answeredMs = this.#deps.clock.monotonic();
    this.#unansweredSinceMs = undefined;
    this.#rest();
  }

  /** Authentic data came over the pair: the path lives, though consent is not renewed by it. */
  heard(): void {
    if (this.#unansweredSinceMs !== undefined) {
      this.#unansweredSinceMs = this.#deps.clock.monotonic();
    }
  }

  /** The owner has sent and heard nothing for a while; while an answer is awaited this does nothing. */
  probeNow(): void {
    if (!this.#isOver && this.#unansweredSinceMs === undefined) this.#probe();
  }

  stop(): void {
    this.#isOver = true;
    this.#cancel();
  }

  #rest(): void {
    const { intervalMs, doubtMs = intervalMs } = this.#settings;
    const spread = 0.8 + 0.4 * randomFraction(this.#deps.random);
    this.#arm((this.#deps.isInDoubt() ? doubtMs : intervalMs) * spread);
  }

  #arm(ms: number): void {
    this.#cancel();
    const nowMs = this.#deps.clock.monotonic();
    this.#cancel = this.#deps.clock.after(Math.max(0, Math.min(ms, this.#endMs() - nowMs)), () => {
      if (this.#deps.clock.monotonic() >= this.#endMs()) this.#lose();
      else this.#probe();
    });
  }

  #endMs(): number {
    const { silenceMs, lifetimeMs } = this.#settings;
    const silenceEndMs = (this.#unansweredSinceMs ?? Number.POSITIVE_INFINITY) + silenceMs;
    return Math.min(this.#answeredMs + lifetimeMs, silenceEndMs);
  }

  #probe(): void {
    this.#unansweredSinceMs ??= this.#deps.clock.monotonic();
    this.#arm(this.#settings.retryMs);
    this.#deps.probe();
  }

  #lose(): void {
    this.stop();
    this.#deps.lost();
  }
}
