/**
 * Sent, and heard nothing since: tells so when that has lasted for a while, and again each time it has lasted
 * for as long again and something is sent.
 *
 *     quiet ──sent──> waiting ──too long──> told ──sent──> waiting …
 *       ^               │                     │
 *       └──── heard ────┴─────────────────────┘
 */
import type { Clock } from '../../base/clock.ts';
import { Deadline } from '../../session/deadline.ts';

export class SilenceWatch {
  readonly #afterMs: number;
  readonly #deadline: Deadline;
  #isStopped = false;

  constructor(clock: Clock, afterMs: number, onSilence: () => void) {
    this.#afterMs = afterMs;
    this.#deadline = new Deadline(clock, onSilence);
  }

  sent(): void {
    if (!this.#deadline.isSet && !this.#isStopped) this.#deadline.setIn(this.#afterMs);
  }

  heard(): void {
    this.#deadline.unset();
  }

  stop(): void {
    this.#isStopped = true;
    this.#deadline.clear();
  }
}
