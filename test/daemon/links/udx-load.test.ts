import { describe, expect, test } from 'vitest';

import { UdxLoad } from '../../../src/daemon/links/udx-load.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** What UDX shows of a stream whose packets carry 1,000 bytes. */
class Counters {
  bbrState = 2;
  bytesTransmitted = 5000;
  inflight = 0;
  mtu = 1020;
  retransmits = 65_534;
  rtt = 50;

  sends(packets: number): void {
    this.bytesTransmitted += packets * this.mtu;
    this.inflight += packets * 1000;
  }

  sendsAgain(packets: number): void {
    this.bytesTransmitted += packets * this.mtu;
    this.retransmits = (this.retransmits + packets) % 2 ** 16;
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
    expect(ours.underWayBytes).toBe(20_000 + 5000 - 10 * 1020 + 5 * 1000);
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
