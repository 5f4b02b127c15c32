/**
 * Is the peer still there? Asked only while it matters: frames are unacknowledged, or the session was
 * used within 5 minutes. Then 20 s without a packet bring a ping, and three unanswered ones, 5 s
 * apart, the end. An idle session has no timer here.
 */
import type { Clock } from '../base/clock.ts';
import { Deadline } from './deadline.ts';

/** Below 25 s, which keeps NAT mappings that live for 30 s. */
export const KEEPALIVE_MS = 20_000;
export const PROBE_INTERVAL_MS = 5000;
export const MAX_PROBES = 3;
export const USED_WITHIN_MS = 5 * 60_000;

export interface LivenessDeps {
  readonly clock: Clock;
  readonly linkGraceMs: number;
  readonly hasUnacknowledged: () => boolean;
  readonly sendProbe: () => void;
  readonly onDead: () => void;
}

export class Liveness {
  readonly #deps: LivenessDeps;
  readonly #check: Deadline;
  readonly #linkGrace: Deadline;
  #lastReceivedMs: number;
  #lastUsedMs: number;
  #probes = 0;
  #hasLink = false;

  constructor(deps: LivenessDeps) {
    this.#deps = deps;
    this.#lastReceivedMs = deps.clock.monotonic();
    this.#lastUsedMs = this.#lastReceivedMs;
    this.#check = new Deadline(deps.clock, () => {
      this.#onCheck();
    });
    this.#linkGrace = new Deadline(deps.clock, deps.onDead);
  }

  /** When the last authentic packet came. */
  get lastReceivedMs(): number {
    return this.#lastReceivedMs;
  }

  linkChanged(hasLink: boolean): void {
    this.#hasLink = hasLink;
    this.#probes = 0;
    if (!hasLink) {
      this.#check.clear();
      if (!this.#linkGrace.isSet) this.#linkGrace.setIn(this.#deps.linkGraceMs);
      return;
    }
    this.#linkGrace.clear();
    this.#check.setIn(KEEPALIVE_MS); // silence on the new link, not since the old one
  }

  received(): void {
    this.#lastReceivedMs = this.#deps.clock.monotonic();
    this.#probes = 0;
    if (this.#check.isSet) this.#check.setIn(KEEPALIVE_MS);
  }

  /** Something was sent or came in that is more than housekeeping. */
  used(): void {
    this.#lastUsedMs = this.#deps.clock.monotonic();
    if (this.#hasLink && !this.#check.isSet) this.#check.setIn(KEEPALIVE_MS);
  }

  stop(): void {
    this.#check.clear();
    this.#linkGrace.clear();
  }

  #onCheck(): void {
    if (!this.#isNeeded()) return; // until it is used again
    if (this.#probes >= MAX_PROBES) {
      this.#deps.onDead();
      return;
    }
    this.#probes += 1;
    this.#check.setIn(PROBE_INTERVAL_MS);
    this.#deps.sendProbe();
  }

  #isNeeded(): boolean {
    const idleMs = this.#deps.clock.monotonic() - this.#lastUsedMs;
    return this.#deps.hasUnacknowledged() || idleMs < USED_WITHIN_MS;
  }
}
