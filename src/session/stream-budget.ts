/**
 * How much stream data may be under way, so that the path is full and what waits in it stays short: whatever is
 * sent after it waits too, and nobody can take it back. Links, relays and the far side may buffer megabytes.
 *
 *     limit = rate × (shortest round trip + silence) + what may wait: 64 KiB, or 3 ms of the rate where that is more;
 *             16 KiB, and smaller frames, where the link itself says what is under way
 *
 *     rate         what `delivery-rate` says, the greatest of 10 rounds; a round lasts from sending a frame to its
 *                  acknowledgement. Until three rounds brought no quarter more, twice as much may be under way
 *     round trip   of pings, which are answered at once; sent when streams have data, once a second. Every 30 s
 *                  sending pauses until little is under way, so that a longer path shows (BBR does the like)
 *     silence      the longest time without an acknowledgement in 10 rounds: a link delivers in order, so a lost packet
 *                  holds up all behind it while it is sent again, and without this the path would be empty for as
 *                  long. A queue that grows is not silent, it only answers later. Not counted where the link itself
 *                  says what is under way: it knows of what arrived behind a lost packet
 *
 * After a pause the path is empty: it is filled at its rate, since all at once would be too much for a short queue.
 */
import type { Clock } from '../base/clock.ts';
import { DeliveryRate } from './delivery-rate.ts';
import { type LinkLoad, MAX_UNDER_WAY_BYTES } from './link.ts';
import { ACK_DELAY_MS } from './reliable-stream.ts';

export const MIN_UNDER_WAY_BYTES = 64 * 1024;
/** Where the link says what is under way; elsewhere the peer's acknowledgements, one for 64 KiB, bring more about. */
const MIN_WAITING_BYTES = 16 * 1024;
const MIN_FRAME_BYTES = 4096;
/** On a fast path two busy processes hand over to each other in about this time. */
const WAITING_MS = 3;
/** What a resting link takes in a round trip, about: who asks little is answered all the same. */
const RESTING_UNDER_WAY_BYTES = 4096;
const RESTING_FRAME_BYTES = 1024;
const ROUNDS = 10;
const STEADY_ROUNDS = 3;
const GROWTH = 1.25;
const PING_INTERVAL_MS = 1000;
/** A ping is lost with its link; a slower one says nothing that could still be used. */
const PING_TIMEOUT_MS = 3000;
const ROUND_TRIP_LIFE_MS = 30_000;
/** In round trips. More is not one loss but a path that has gone. */
const MAX_SILENCE = 2;

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
  /** Bytes a millisecond, the greatest in it. */
  rate: number;
  /** Streams had to wait in it: it shows what the path can do. */
  isFull: boolean;
  /** The longest in it. */
  silenceMs: number;
}

export class StreamBudget {
  readonly #deps: StreamBudgetDeps;
  readonly #delivery: DeliveryRate;
  #round: Round | undefined;
  /** Bytes a millisecond, the last ones. */
  #rates: number[] = [];
  /** In milliseconds, of the last full rounds. */
  #silences: number[] = [];
  #sentBelow = 0;
  /** Little is under way, after a pause. */
  #isEmptied = false;
  /** When the path began to be filled again. */
  #filledFromMs = -Infinity;
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
    this.#delivery = new DeliveryRate(deps.clock);
  }

  /** Another link: nothing is known of it. */
  restart(): void {
    this.#delivery.restart();
    this.#round = undefined;
    this.#rates = [];
    this.#silences = [];
    this.#heardMs = undefined;
    this.#isEmptied = false;
    this.#filledFromMs = -Infinity;
    this.#best = 0;
    this.#steadyRounds = 0;
    this.#roundTrip = undefined;
    this.#pingMs = -Infinity;
    this.#isPingOut = false;
    this.#generation += 1;
  }

  /**
   * How large a frame of stream data may be sent: `unacknowledgedBytes` of it have not been acknowledged, and that is
   * what is under way unless the link knows better. 0: none.
   */
  nextFrameBytes(unacknowledgedBytes: number, link?: LinkLoad): number {
    // The link counts what others gave it, too: streams are not to wait until there is none of that.
    const underWayBytes = Math.min(link?.underWayBytes ?? Infinity, unacknowledgedBytes);
    if (link?.isResting === true) {
      this.#isEmptied = true;
      return underWayBytes < RESTING_UNDER_WAY_BYTES ? RESTING_FRAME_BYTES : 0;
    }
    const isLoadKnown = link !== undefined;
    const hasRoom = unacknowledgedBytes < MAX_UNDER_WAY_BYTES;
    const isAllowed = hasRoom && underWayBytes < this.#limitBytes(isLoadKnown);
    if (!isAllowed && this.#round !== undefined) this.#round.isFull = true;
    this.#measure(underWayBytes);
    if (!isAllowed) return 0;
    return isLoadKnown ? Math.max(MIN_FRAME_BYTES, Math.floor(this.#rate * WAITING_MS)) : Infinity;
  }

  /** A frame of stream data went out under this number. */
  sent(sequence: number): void {
    if (this.#isEmptied) this.#filledFromMs = this.#deps.clock.monotonic();
    this.#isEmptied = false;
    this.#delivery.sent(sequence);
    this.#sentBelow = sequence + 1;
    this.#round ??= { sequence, rate: 0, isFull: false, silenceMs: 0 };
  }

  /** Everything below `next` has arrived, `bytes` of it just now. */
  acknowledged(next: number, bytes: number): void {
    const nowMs = this.#deps.clock.monotonic();
    const rate = this.#delivery.acknowledged(next, bytes) ?? 0;
    const round = this.#round;
    if (round !== undefined) {
      const silenceMs = nowMs - (this.#heardMs ?? nowMs);
      round.silenceMs = Math.max(round.silenceMs, silenceMs);
      round.rate = Math.max(round.rate, rate);
    }
    this.#heardMs = next < this.#sentBelow ? nowMs : undefined;
    if (round === undefined || next <= round.sequence) return;
    this.#round = undefined;
    this.#take(round);
  }

  get #rate(): number {
    return Math.max(0, ...this.#rates);
  }

  #limitBytes(isLoadKnown: boolean): number {
    if (this.#roundTrip === undefined || this.#isRoundTripOld) return MIN_UNDER_WAY_BYTES;
    const rate = this.#rate;
    const silenceMs = isLoadKnown ? 0 : Math.max(0, ...this.#silences);
    const full = rate * (this.#roundTrip.ms + silenceMs);
    const leastWaiting = isLoadKnown && !this.#isStarting ? MIN_WAITING_BYTES : MIN_UNDER_WAY_BYTES;
    const waiting = Math.max(leastWaiting, rate * WAITING_MS);
    const filled = rate * (this.#deps.clock.monotonic() - this.#filledFromMs);
    const limit = Math.min(full * (this.#isStarting ? 2 : 1), filled) + waiting;
    return Math.min(MAX_UNDER_WAY_BYTES, limit);
  }

  get #isStarting(): boolean {
    return this.#steadyRounds < STEADY_ROUNDS;
  }

  #take({ rate, isFull, silenceMs }: Round): void {
    // Less than could be sent says nothing about the path.
    if (!isFull && rate < this.#rate) return;
    keepLast(this.#rates, rate);
    // Up to this an acknowledgement may have waited for more to acknowledge. While little is under way, it
    // comes and goes in one piece.
    const roundTripMs = this.#roundTrip?.ms ?? 0;
    const usualMs = ACK_DELAY_MS + roundTripMs / 4;
    const isOneLoss = silenceMs > usualMs && silenceMs <= usualMs + MAX_SILENCE * roundTripMs;
    const isLoss = isFull && !this.#isStarting && isOneLoss;
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
    if (known === undefined) this.#isEmptied = true;
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
