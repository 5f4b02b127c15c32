/**
 * How much stream data may be under way, so that the path is full and what waits in it stays short: whatever is
 * sent after it waits too, and nobody can take it back. Links, relays and the far side may buffer megabytes.
 *
 *     limit = rate × (shortest round trip + silence) + what may wait: 64 KiB, or 3 ms of the rate where that is more
 *
 *     rate         what was acknowledged between sending a frame and its acknowledgement, the greatest of
 *                  10 such rounds; until three of them brought no quarter more, twice as much may be under way
 *     round trip   of pings, which are answered at once; sent when streams have data, once a second. Every 30 s
 *                  sending pauses until little is under way, so that a longer path shows (BBR does the like)
 *     silence      the longest time without an acknowledgement in 10 rounds, two round trips at most: a link delivers
 *                  in order, so a lost packet holds up all behind it while it is sent again. Without this, the path
 *                  would be empty for as long. A queue that grows is not silent, it only answers later
 */
import type { Clock } from '../base/clock.ts';
import { ACK_DELAY_MS } from './reliable-stream.ts';

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
/** In round trips. More is not one loss but a path that has gone. */
const MAX_SILENCE = 2;
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
  /** The longest in it. */
  silenceMs: number;
}

export class StreamBudget {
  readonly #deps: StreamBudgetDeps;
  #acknowledgedBytes = 0;
  #round: Round | undefined;
  /** Bytes a millisecond, the last ones. */
  #rates: number[] = [];
  /** In milliseconds, of the last full rounds. */
  #silences: number[] = [];
  #sentBelow = 0;
  /** Of the last acknowledgement that left something under way. */
  #heardMs: number | undefined;
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
    this.#silences = [];
    this.#heardMs = undefined;
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
    const silenceMs = Math.min(MAX_SILENCE * this.#roundTrip.ms, Math.max(0, ...this.#silences));
    const full = rate * (this.#roundTrip.ms + silenceMs);
    const limit =
      full * (this.#isStarting ? 2 : 1) + Math.max(MIN_UNDER_WAY_BYTES, rate * WAITING_MS);
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
    this.#sentBelow = sequence + 1;
    this.#round ??= {
      sequence,
      startMs: this.#deps.clock.monotonic(),
      acknowledgedBefore: this.#acknowledgedBytes,
      isFull: false,
      silenceMs: 0,
    };
  }

  /** Everything below `next` has arrived, `bytes` of it just now. */
  acknowledged(next: number, bytes: number): void {
    const nowMs = this.#deps.clock.monotonic();
    this.#acknowledgedBytes += bytes;
    const round = this.#round;
    if (round !== undefined) {
      const silenceMs = nowMs - (this.#heardMs ?? nowMs);
      round.silenceMs = Math.max(round.silenceMs, silenceMs);
    }
    this.#heardMs = next < this.#sentBelow ? nowMs : undefined;
    if (round === undefined || next <= round.sequence) return;
    this.#round = undefined;
    const ms = Math.max(MIN_ROUND_MS, nowMs - round.startMs);
    this.#take((this.#acknowledgedBytes - round.acknowledgedBefore) / ms, round);
  }

  get #isStarting(): boolean {
    return this.#steadyRounds < STEADY_ROUNDS;
  }

  #take(rate: number, { isFull, silenceMs }: Round): void {
    // Less than could be sent says nothing about the path.
    if (!isFull && rate < Math.max(0, ...this.#rates)) return;
    keepLast(this.#rates, rate);
    // Up to this an acknowledgement may have waited for more to acknowledge. While little is under way, it
    // comes and goes in one piece.
    const usualMs = ACK_DELAY_MS + (this.#roundTrip?.ms ?? 0) / 4;
    const isLoss = isFull && !this.#isStarting && silenceMs > usualMs;
    keepLast(this.#silences, isLoss ? silenceMs : 0);
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

function keepLast(values: number[], value: number): void {
  values.push(value);
  if (values.length > ROUNDS) values.shift();
}
