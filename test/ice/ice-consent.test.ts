import { describe, expect, test } from 'vitest';

import { expectOnePair, SimLab, twoSites } from '../support/nat/sim-lab.ts';
import { connect } from '../support/nat/sim-peer.ts';

describe('consent (RFC 7675)', () => {
  test('holds for ten minutes of silence, with a probe every 5 s and no timer left behind', () => {
    const { lab, a, b } = twoSites();
    connect(a, b, lab.clock);
    lab.clock.advance(30_000);
    const before = lab.internet.wire.packets;
    lab.clock.advance(600_000);
    expect([a.lost, b.lost]).toEqual([undefined, undefined]);
    // Two sides, request and answer.
    const packets = lab.internet.wire.packets - before;
    expect(packets).toBeGreaterThan((4 * 600) / 6);
    expect(packets).toBeLessThan((4 * 600) / 4);
    a.agent.close();
    b.agent.close();
    expect(lab.clock.pendingTimers).toBe(0);
  });

  test.each(['block', 'forget', 'leave'] as const)(
    'is lost when the router or peer: %s',
    (what) => {
      const lab = new SimLab();
      const site = lab.addSite('home');
      const a = lab.addPeer(site, { role: 'controlling' });
      const b = lab.addPeer(lab.addSite('home'), { role: 'controlled' });
      connect(a, b, lab.clock);
      lab.clock.advance(30_000);
      expectOnePair(a, b);
      const brokenAtMs = lab.clock.monotonic();
      const [router] = site.routers;
      if (router === undefined) throw new Error('a site without router');
      if (what === 'block') router.isBlocked = true;
      else if (what === 'forget') router.moveTo('203.0.113.99');
      else b.agent.close();
      lab.clock.advance(10_000);
      expect(a.lost?.report).toMatchObject({ state: 'lost', role: 'controlling' });
      expect((a.lost?.atMs ?? 0) - brokenAtMs).toBeLessThan(8600);
      if (what !== 'leave') expect(b.lost).toBeDefined();
      expect(lab.clock.pendingTimers).toBe(0);
    },
  );

  test('holds where a twentieth of all packets is lost', () => {
    const { lab, a, b } = twoSites();
    lab.internet.wire.loss = 0.05;
    connect(a, b, lab.clock);
    lab.clock.advance(600_000);
    expectOnePair(a, b);
    expect([a.lost, b.lost]).toEqual([undefined, undefined]);
  });

  test.each([0, 0.1, 0.2])('says which part of the probes is lost: %d each way', (loss) => {
    const { lab, a, b } = twoSites();
    connect(a, b, lab.clock);
    lab.clock.advance(30_000);
    expect(a.agent.quality).toMatchObject({ loss: 0, silentMs: 0, rttMs: 52 });
    lab.internet.wire.loss = loss;
    const seen: number[] = [];
    for (let i = 0; i < 600; i++) {
      lab.clock.advance(1000);
      seen.push(a.agent.quality?.loss ?? Number.NaN);
    }
    const mean = seen.slice(60).reduce((sum, one) => sum + one, 0) / (seen.length - 60);
    // There and back, after a minute in which the window filled.
    const expected = 1 - (1 - loss) ** 2;
    expect(mean).toBeGreaterThanOrEqual(expected * 0.75);
    expect(mean).toBeLessThanOrEqual(expected * 1.25);
    expect([a.lost, b.lost]).toEqual([undefined, undefined]);
  });

  test('a path in use is known to be dead within 3 s', () => {
    const { lab, a, b } = twoSites();
    connect(a, b, lab.clock);
    lab.clock.advance(10_000);
    a.agent.heard();
    a.agent.probeNow();
    lab.clock.advance(100);
    expect(a.agent.selected?.rttMs).toBe(52);
    b.agent.close();
    const fromMs = lab.clock.monotonic();
    a.agent.probeNow();
    lab.clock.advance(3000);
    expect((a.lost?.atMs ?? Number.POSITIVE_INFINITY) - fromMs).toBeLessThan(3000);
  });
});
