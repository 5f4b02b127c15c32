/**
 * Sent, and heard nothing since: tells so when that has lasted for a while, and again each time it has lasted
 * for as long again and something is sent.
 *
 *     quiet ──sent──> waiting ──too long──> told ──sent──> waiting …
 *       ^               │                     │
 *       └──── heard ────┴─────────────────────┘
 */
import type { Cancel, Clock } from '../../base/clock.ts';

export class SilenceWatch {
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #onSilence: () => void;
  /** Of the first thing sent since the last one heard (monotonic). */
  #sinceMs: number | undefined;
  /** One timer at most, however much is sent and heard: it looks again when it came too early. */
  #cancel: Cancel | undefined;

  constructor(clock: Clock, afterMs: number, onSilence: () => void) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#onSilence = onSilence;
  }

  sent(): void {
    this.#sinceMs ??= this.#clock.monotonic();
    this.#cancel ??= this.#clock.after(this.#afterMs, () => {
      this.#look();
    });
  }

  heard(): void {
    this.#sinceMs = undefined;
  }

  stop(): void {
    this.#cancel?.();
  }

  #look(): void {
    this.#cancel = undefined;
    if (this.#sinceMs === undefined) return;
    const leftMs = this.#sinceMs + this.#afterMs - this.#clock.monotonic();
    if (leftMs > 0) {
      this.#cancel = this.#clock.after(leftMs, () => {
        this.#look();
      });
      return;
    }
    this.#sinceMs = undefined;
    this.#onSilence();
  }
}
