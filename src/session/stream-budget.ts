/**
 * How much stream data may be under way, so that the path is full and what waits in it stays short: whatever is
 * sent after it waits too, and nobody can take it back. Links, relays and the far side may buffer megabytes.
 *
 *     limit = rate × shortest round trip + what may wait: 64 KiB, or 3 ms of the rate where that is more
 *
 *     rate         what was acknowledged between sending a frame and its acknowledgement, the greatest of
 *                  10 such rounds; until three of them brought no quarter more, twice as much may be under way
 *     round trip   of pings, which are answered at once; sent when streams have data, once a second. Every 30 s
 *                  sending pauses until little is under way, so that a longer path shows (BBR does the like)
 */
import type { Clock } from '../base/clock.ts';

export const MIN_UNDER_WAY_BYTES = 64 * 1024;
/** Of the session's 4 MiB; the rest is for messages. */
export const MAX_UNDER_WAY_BYTES = 3 * 2 ** 20;
/** On a fast path two busy processes hand over to each other in about this time. */
const WAITING_MS = 3;
const ROUNDS = 10;
const STEADY_ROUNDS = 3;
const GROWTH = 1.25;
const PING_INTERVAL_MS = 1000;
/** A ping is lost with its link; a slower one says nothing that could still be used. */
const PING_TIMEOUT_MS = 3000;
const ROUND_TRIP_LIFE_MS = 30_000;
/** Clocks have a grain, and a quotient needs a divisor. */
const MIN_ROUND_MS = 0.05;

export interface StreamBudgetDeps {
  readonly clock: Clock;
  /** Asks the peer for a sign of life; `answered` gets its round trip in milliseconds. */
  readonly measure: (answered: (rttMs: number) => void) => void;
  /** More may be sent than before. */
  readonly grew: () => void;
}

interface Round {
  /** Over when this is acknowledged. */
  readonly sequence: number;
  readonly startMs: number;
  readonly acknowledgedBefore: number;
  /** Streams had to wait in it: it shows what the path can do. */
  isFull: boolean;
}

export class StreamBudget {
  readonly #deps: StreamBudgetDeps;
  #acknowledgedBytes = 0;
  #round: Round | undefined;
  /** Bytes a millisecond, the last ones. */
  #rates: number[] = [];
  #best = 0;
  #steadyRounds = 0;
  #roundTrip: { readonly ms: number; readonly atMs: number } | undefined;
  /** When the last ping went out; answered ones count for their interval. */
  #pingMs = -Infinity;
  #isPingOut = false;
  #generation = 0;

  constructor(deps: StreamBudgetDeps) {
    this.#deps = deps;
  }

  /** Another link: nothing is known of it. */
  restart(): void {
    this.#round = undefined;
    this.#rates = [];
    this.#best = 0;
    this.#steadyRounds = 0;
    this.#roundTrip = undefined;
    this.#pingMs = -Infinity;
    this.#isPingOut = false;
    this.#generation += 1;
  }

  get limitBytes(): number {
    if (this.#roundTrip === undefined || this.#isRoundTripOld) return MIN_UNDER_WAY_BYTES;
    const rate = Math.max(0, ...this.#rates);
    const full = rate * this.#roundTrip.ms;
    const isStarting = this.#steadyRounds < STEADY_ROUNDS;
    const limit = full * (isStarting ? 2 : 1) + Math.max(MIN_UNDER_WAY_BYTES, rate * WAITING_MS);
    return Math.min(MAX_UNDER_WAY_BYTES, limit);
  }

  /** Whether a frame of stream data may be sent beside `underWayBytes` of it. */
  allows(underWayBytes: number): boolean {
    const isAllowed = underWayBytes < this.limitBytes;
    if (!isAllowed && this.#round !== undefined) this.#round.isFull = true;
    this.#measure(underWayBytes);
    return isAllowed;
  }

  /** A frame of stream data went out under this number. */
  sent(sequence: number): void {
    this.#round ??= {
      sequence,
      startMs: this.#deps.clock.monotonic(),
      acknowledgedBefore: this.#acknowledgedBytes,
      isFull: false,
    };
  }

  /** Everything below `next` has arrived, `bytes` of it just now. */
  acknowledged(next: number, bytes: number): void {
    this.#acknowledgedBytes += bytes;
    const round = this.#round;
    if (round === undefined || next <= round.sequence) return;
    this.#round = undefined;
    const ms = Math.max(MIN_ROUND_MS, this.#deps.clock.monotonic() - round.startMs);
    this.#take((this.#acknowledgedBytes - round.acknowledgedBefore) / ms, round.isFull);
  }

  #take(rate: number, isFull: boolean): void {
    // Less than could be sent says nothing about the path.
    if (!isFull && rate < Math.max(0, ...this.#rates)) return;
    this.#rates.push(rate);
    if (this.#rates.length > ROUNDS) this.#rates.shift();
    if (rate >= this.#best * GROWTH) {
      this.#best = rate;
      this.#steadyRounds = 0;
    } else if (isFull) {
      this.#steadyRounds += 1;
    }
  }

  get #isRoundTripOld(): boolean {
    const { clock } = this.#deps;
    const atMs = this.#roundTrip?.atMs ?? -Infinity;
    return clock.monotonic() - atMs >= ROUND_TRIP_LIFE_MS;
  }

  #measure(underWayBytes: number): void {
    const { clock, measure } = this.#deps;
    const nowMs = clock.monotonic();
    const waitMs = this.#isPingOut ? PING_TIMEOUT_MS : PING_INTERVAL_MS;
    const isUrgent = this.#isRoundTripOld && !this.#isPingOut;
    if (nowMs - this.#pingMs < waitMs && !isUrgent) return;
    // What an old one is replaced by should have nothing before it.
    if (isUrgent && underWayBytes > MIN_UNDER_WAY_BYTES) return;
    this.#pingMs = nowMs;
    this.#isPingOut = true;
    const generation = this.#generation;
    measure((rttMs) => {
      if (generation === this.#generation) this.#answered(rttMs);
    });
  }

  #answered(rttMs: number): void {
    this.#isPingOut = false;
    const known = this.#isRoundTripOld ? undefined : this.#roundTrip;
    if (known === undefined || rttMs <= known.ms) {
      this.#roundTrip = { ms: rttMs, atMs: this.#deps.clock.monotonic() };
      this.#deps.grew();
    }
  }
}
