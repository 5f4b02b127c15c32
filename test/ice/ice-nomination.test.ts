import { describe, expect, test } from 'vitest';

import { decodeStunMessage } from '../../src/ice/stun-message.ts';
import { expectOnePair, SimLab, twoSites } from '../support/nat/sim-lab.ts';
import { connect, type SimPeer } from '../support/nat/sim-peer.ts';

describe('role conflict (RFC 8445, 7.3.1.1)', () => {
  const roles = ['controlling', 'controlled'] as const;
  const cases = roles.flatMap((role) => [1, 2, 3, 4, 5].map((seed) => [role, seed] as const));

  test.each(cases)('both are %s, seed %i', (role, seed) => {
    const { lab, a, b } = twoSites(['home', 'home'], [role, role], seed);
    connect(a, b, lab.clock);
    lab.clock.advance(5000);
    expectOnePair(a, b);
    expect([a.agent.role, b.agent.role].sort()).toEqual(['controlled', 'controlling']);
    expect(a.selected[0]?.atMs).toBeLessThan(2000);
  });
});

describe('nomination', () => {
  test('before the controlled side could check: it selects when its own check succeeds', () => {
    const { lab, a, b } = twoSites(['open', 'open']);
    a.gather(
      (candidate) => {
        a.agent.addLocal(candidate);
      },
      () => undefined,
    );
    b.gather(
      (candidate) => {
        b.agent.addLocal(candidate);
        a.agent.addRemote(candidate);
      },
      () => undefined,
    );
    a.agent.setRemote(b.agent.credentials);
    lab.clock.advance(3000);
    expect([a.selected.length, b.selected.length]).toEqual([1, 0]);
    b.agent.setRemote(a.agent.credentials);
    lab.clock.advance(1000);
    expectOnePair(a, b);
    expect(b.agent.selected?.remote.kind).toBe('prflx');
    expect(b.found.map(([side, { kind }]) => [side, kind])).toEqual([
      ['remote', 'prflx'],
      ['remote', 'prflx'],
    ]);
  });

  test('after the controlled side had checked', () => {
    const { lab, a, b } = twoSites(['open', 'open']);
    connect(a, b, lab.clock);
    const nominations: boolean[] = [];
    a.onSend = (bytes) => {
      const message = decodeStunMessage(bytes);
      if (message.useCandidate) {
        nominations.push(b.agent.report().pairs.some(({ outcome }) => outcome === 'valid'));
      }
      return true;
    };
    lab.clock.advance(3000);
    expectOnePair(a, b);
    expect(nominations).toEqual([true]);
  });

  test('a nominated pair that went dead gives way to the next best', () => {
    const { lab, a, b } = twoSites(['open', 'open']);
    connect(a, b, lab.clock);
    a.onSend = (bytes, base) => !(base === 'v6' && decodeStunMessage(bytes).useCandidate);
    lab.clock.advance(10_000);
    expectOnePair(a, b);
    expect(a.agent.selected?.base).toBe('v4');
  });

  test('a better pair that comes later is selected by both', () => {
    const lab = new SimLab();
    const site = lab.addSite('full cone with hairpin', 2);
    const a = lab.addPeer(site, { role: 'controlling' });
    const b = lab.addPeer(site, { role: 'controlled', host: 1 });
    const late: (() => void)[] = [];
    exchange(a, b, late);
    exchange(b, a, late);
    lab.clock.advance(3000);
    expect(a.agent.selected?.remote).toMatchObject({ kind: 'srflx' });
    expectOnePair(a, b);
    for (const tell of late) tell();
    lab.clock.advance(3000);
    expect(a.agent.selected?.remote).toMatchObject({ kind: 'host' });
    expectOnePair(a, b);
    expect([a.selected.length, b.selected.length]).toEqual([2, 2]);
    lab.clock.advance(60_000);
    expect([a.lost, b.lost]).toEqual([undefined, undefined]);
  });
});

describe('agreement', () => {
  const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

  test.each(seeds)('seed %i: with two paths and a fifth of all packets lost', (seed) => {
    const { lab, a, b } = twoSites(['open', 'open'], ['controlling', 'controlled'], seed);
    lab.internet.wire.loss = 0.2;
    connect(a, b, lab.clock);
    lab.clock.advance(20_000);
    expect([a.lost, b.lost]).toEqual([undefined, undefined]);
    expectOnePair(a, b);
  });
});

/** Tells the peer server-reflexive candidates, and leaves host candidates for later. */
function exchange(from: SimPeer, to: SimPeer, late: (() => void)[]): void {
  to.agent.setRemote(from.agent.credentials);
  from.gather(
    (candidate) => {
      if (candidate.kind === 'srflx') {
        from.agent.addLocal(candidate);
        to.agent.addRemote(candidate);
      } else {
        late.push(() => to.agent.addRemote(candidate));
      }
    },
    () => undefined,
  );
}
