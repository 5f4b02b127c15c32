import { describe, expect, test } from 'vitest';

import { encodeCheckSuccess } from '../../src/ice/check-message.ts';
import { MAX_PUNCHES } from '../../src/ice/punch-probes.ts';
import { candidateAt, PEER, PlayedPeer } from '../support/nat/played-peer.ts';
import { expectOnePair, twoSites } from '../support/nat/sim-lab.ts';
import { connect } from '../support/nat/sim-peer.ts';

describe('through a hard NAT', () => {
  test.each([
    ['controlling', 'controlled'],
    ['controlled', 'controlling'],
  ] as const)('home, %s, aims at the next ports of a sequential one, %s', (ours, theirs) => {
    const { lab, a, b } = twoSites(['home', 'symmetric, sequential'], [ours, theirs]);
    connect(a, b, lab.clock);
    lab.clock.advance(1000);
    expect([a.selected, b.selected]).toEqual([[], []]);
    const seen = a.agent.report().remote.filter(({ kind }) => kind === 'srflx');
    const last = Math.max(...seen.map(({ endpoint }) => Number(endpoint.split(':')[1])));
    for (let step = 1; step <= 7; step++) {
      expect(a.agent.punch('v4', { host: '203.0.113.11', port: last + step })).toBe(true);
    }
    lab.clock.advance(5000);
    expectOnePair(a, b);
    expect(a.agent.report().punches).toBe(7);
    a.agent.close();
    b.agent.close();
    expect(lab.clock.pendingTimers).toBe(0);
  });
});

describe('a punch', () => {
  const GUESS = { ...PEER, port: 5000 };

  test('that is answered makes a candidate and a pair', () => {
    const peer = new PlayedPeer();
    peer.us.agent.addRemote(candidateAt(PEER.host));
    expect(peer.us.agent.punch('punch-3', GUESS)).toBe(true);
    const mapped = { host: '203.0.113.10', port: 4000 };
    peer.us.router.receive(
      encodeCheckSuccess(peer.lastId, mapped, peer.theirs.password),
      'punch-3',
      GUESS,
    );
    peer.lab.clock.advance(100);
    expect(peer.us.agent.report().pairs).toContainEqual({
      base: 'punch-3',
      remote: '198.51.100.1:5000',
      kind: 'prflx',
      outcome: 'checking',
      requests: 1,
      answers: 0,
    });
    expect(peer.us.found).toMatchObject([['remote', { kind: 'prflx', endpoint: GUESS }]]);
  });

  test('answered with another password does nothing', () => {
    const peer = new PlayedPeer();
    peer.us.agent.addRemote(candidateAt(PEER.host));
    peer.us.agent.punch('v4', GUESS);
    peer.receive(encodeCheckSuccess(peer.lastId, GUESS, 'x'.repeat(24)), GUESS);
    expect(peer.us.agent.report().pairs).toHaveLength(1);
  });

  test('goes once, and only to hosts of candidates', () => {
    const peer = new PlayedPeer();
    expect(peer.us.agent.punch('v4', GUESS)).toBe(false);
    peer.us.agent.addRemote(candidateAt(PEER.host));
    for (const host of ['198.51.100.2', '127.0.0.1', '224.0.0.1']) {
      expect(peer.us.agent.punch('v4', { host, port: 5000 })).toBe(false);
    }
    expect(peer.us.agent.punch('v4', { ...PEER, port: 0 })).toBe(false);
    expect(peer.us.agent.punch('v4', GUESS)).toBe(true);
    peer.lab.clock.advance(19_000);
    expect(peer.requestsTo(GUESS)).toHaveLength(1);
    peer.us.agent.close();
    expect(peer.us.agent.punch('v4', GUESS)).toBe(false);
  });

  test('may be made 2,000 times', () => {
    const peer = new PlayedPeer();
    peer.us.agent.addRemote(candidateAt(PEER.host));
    const sent = Array.from({ length: 3000 }, (_, i) =>
      peer.us.agent.punch('v4', { ...PEER, port: 10_000 + i }),
    );
    expect(sent.filter(Boolean)).toHaveLength(MAX_PUNCHES);
    peer.us.agent.close();
    expect(peer.lab.clock.pendingTimers).toBe(0);
  });
});
