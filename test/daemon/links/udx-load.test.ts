import { describe, expect, test } from 'vitest';

import { randomFraction } from '../../../src/base/random.ts';
import { UdxLoad } from '../../../src/daemon/links/udx-load.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/** What UDX shows of a stream, whose packets carry 1,000 bytes unless a test says otherwise. */
class Counters {
  bbrState = 2;
  bytesTransmitted = 5000;
  packetsTransmitted = 5;
  inflight = 0;
  retransmits = 65_534;
  rtt = 50;

  sends(packets: number, bytes = 1000): void {
    this.#transmits(packets, bytes);
    this.inflight += packets * bytes;
  }

  sendsAgain(packets: number, bytes = 1000): void {
    this.#transmits(packets, bytes);
    this.retransmits = (this.retransmits + packets) % 2 ** 16;
  }

  #transmits(packets: number, bytes: number): void {
    this.bytesTransmitted += packets * (bytes + 20);
    this.packetsTransmitted += packets;
  }
}

function load(): { clock: ManualClock; udx: Counters; load: UdxLoad } {
  const clock = new ManualClock();
  const udx = new Counters();
  return { clock, udx, load: new UdxLoad(udx, clock) };
}

describe('under way', () => {
  test('is what waits and what is in flight', () => {
    const { udx, load: ours } = load();
    expect(ours.underWayBytes).toBe(0);
    udx.sends(1);
    ours.given(20_000);
    udx.sends(4);
    expect(ours.underWayBytes).toBe(20_000 + 5000 - 5 * 1020);
    udx.inflight = 1000;
    expect(ours.underWayBytes).toBe(20_000 + 1000 - 5 * 1020);
  });

  test('what is sent again waits no less, also when its count begins anew', () => {
    const { udx, load: ours } = load();
    ours.given(20_000);
    udx.sends(5);
    udx.sendsAgain(5);
    expect(udx.retransmits).toBe(3);
    expect(ours.underWayBytes).toBe(20_000 + 5000 - 5 * 1020);
  });

  test('small packets that are lost add nothing to what waits, however long that goes on', () => {
    const { udx, load: ours } = load();
    const random = seededRandom(4);
    udx.sends(20, 150);
    for (let i = 0; i < 10_000; i++) {
      ours.given(4 * 150);
      udx.sends(4, 150);
      if (randomFraction(random) < 0.2) udx.sendsAgain(1, 150);
      // As much is acknowledged: a round trip is under way all the time.
      udx.inflight -= 4 * 150;
      expect(ours.underWayBytes).toBeLessThan(2 * udx.inflight);
    }
  });

  test('nothing waits in a stream that has nothing in flight', () => {
    const { udx, load: ours } = load();
    ours.given(20_000);
    udx.sends(3);
    udx.inflight = 0;
    expect(ours.underWayBytes).toBe(0);
  });
});

describe('BBR that probes the round trip', () => {
  test('rests until it says that it is through', () => {
    const { clock, udx, load: ours } = load();
    expect(ours.isResting).toBe(false);
    udx.bbrState = 3;
    expect(ours.isResting).toBe(true);
    clock.advance(200);
    expect(ours.isResting).toBe(true);
    udx.bbrState = 2;
    expect(ours.isResting).toBe(false);
  });

  test('needs a packet to find out that its time is over', () => {
    const { clock, udx, load: ours } = load();
    udx.bbrState = 3;
    expect(ours.isResting).toBe(true);
    clock.advance(274);
    expect(ours.isResting).toBe(true);
    clock.advance(1);
    expect(ours.isResting).toBe(false);
  });
});
