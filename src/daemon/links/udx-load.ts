/**
 * What a UDX stream has under way, from the counters that it shows: it says what is in flight, not what it holds back
 * (its BBR sends at a pace, and no more than a window). That is what it was given, less what it has sent for the first time.
 *
 * Every 10 s of traffic BBR has four packets in flight for 200 ms, to see the shortest round trip
 * (draft-ietf-ccwg-bbr, ProbeRTT). Whatever it is given then waits: a stream's data would be before every message.
 */
import type { UdxStream } from 'udx-native';

import type { Clock } from '../../base/clock.ts';
import type { LinkLoad } from '../../session/link.ts';

export type UdxCounters = Pick<
  UdxStream,
  'bbrState' | 'bytesTransmitted' | 'inflight' | 'packetsTransmitted' | 'retransmits' | 'rtt'
>;

const BBR_PROBES_RTT = 3;
const PROBE_RTT_MS = 200;
/** It begins when what was in flight is acknowledged, and is over with the next packet after that. */
const PROBE_ROUND_TRIPS = 1.5;
const RETRANSMITS_MODULO = 2 ** 16;

export class UdxLoad implements LinkLoad {
  readonly #stream: UdxCounters;
  readonly #clock: Clock;
  #unsentBytes = 0;
  #transmitted: number;
  #packets: number;
  #retransmits: number;
  #probeSinceMs: number | undefined;

  constructor(stream: UdxCounters, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.#transmitted = stream.bytesTransmitted;
    this.#packets = stream.packetsTransmitted;
    this.#retransmits = stream.retransmits;
  }

  /** So many bytes were written to it. */
  given(bytes: number): void {
    this.#unsentBytes += bytes;
  }

  get underWayBytes(): number {
    const { inflight, bytesTransmitted, packetsTransmitted, retransmits } = this.#stream;
    const bytes = bytesTransmitted - this.#transmitted;
    const packets = packetsTransmitted - this.#packets;
    const again = (retransmits - this.#retransmits + RETRANSMITS_MODULO) % RETRANSMITS_MODULO;
    // Packets that were lost are as large as others, in the long run. Headers make what waits a little less than it is.
    const first = packets === 0 ? 0 : bytes * (1 - Math.min(1, again / packets));
    this.#unsentBytes = inflight === 0 ? 0 : Math.max(0, this.#unsentBytes - first);
    this.#transmitted = bytesTransmitted;
    this.#packets = packetsTransmitted;
    this.#retransmits = retransmits;
    return inflight + this.#unsentBytes;
  }

  get isResting(): boolean {
    const { bbrState, rtt } = this.#stream;
    if (bbrState !== BBR_PROBES_RTT) {
      this.#probeSinceMs = undefined;
      return false;
    }
    const nowMs = this.#clock.monotonic();
    this.#probeSinceMs ??= nowMs;
    return nowMs - this.#probeSinceMs < PROBE_RTT_MS + PROBE_ROUND_TRIPS * rtt;
  }
}
