import { describe, expect, test } from 'vitest';

import type { Candidate } from '../../src/ice/candidate.ts';
import { decodeStunMessage } from '../../src/ice/stun-message.ts';
import { expectOnePair, SimLab, twoSites } from '../support/nat/sim-lab.ts';
import { connect, createCandidate } from '../support/nat/sim-peer.ts';

describe('two hosts behind one NAT', () => {
  test.each([
    ['home', ['controlling', 'controlled']],
    ['home', ['controlled', 'controlling']],
    ['symmetric, random', ['controlling', 'controlled']],
    ['full cone with hairpin', ['controlling', 'controlled']],
    ['UDP blocked', ['controlling', 'controlled']],
  ] as const)('%s: meet on their LAN, %j', (kind, roles) => {
    const lab = new SimLab();
    const site = lab.addSite(kind, 2);
    const a = lab.addPeer(site, { role: roles[0] });
    const b = lab.addPeer(site, { role: roles[1], host: 1 });
    connect(a, b, lab.clock);
    lab.clock.advance(1000);
    expectOnePair(a, b);
    expect(a.agent.selected?.remote).toMatchObject({
      kind: 'host',
      endpoint: { host: '10.10.0.3' },
    });
    expect(a.agent.selected?.rttMs).toBeLessThan(5);
  });
});

describe('trickle (RFC 8838)', () => {
  test('candidates 8 s late, and both done only then', () => {
    const { lab, a, b } = twoSites();
    connect(a, b, lab.clock, 8000);
    lab.clock.advance(8500);
    expectOnePair(a, b);
  });

  test('nothing has failed while one side may still tell candidates', () => {
    const { lab, a, b } = twoSites(['home', 'IPv6 only, firewall']);
    const candidates: Candidate[] = [];
    b.gather(
      (candidate) => candidates.push(candidate),
      () => undefined,
    );
    a.gather(
      (candidate) => {
        a.agent.addLocal(candidate);
      },
      () => undefined,
    );
    a.agent.localDone();
    a.agent.setRemote(b.agent.credentials);
    for (const candidate of candidates) a.agent.addRemote(candidate);
    lab.clock.advance(1000);
    expect(a.failure).toBeUndefined();
    a.agent.remoteDone();
    expect(a.failure?.failure?.code).toBe('no_common_family');
    lab.clock.advance(60_000);
    expect(b.failure?.failure?.code).toBe('no_credentials');
    expect(lab.clock.pendingTimers).toBe(0);
  });

  test('a request through a socket that no candidate is known of yet', () => {
    const { lab, a, b } = twoSites(['open', 'open']);
    const [socket = ''] = b.bases;
    expect(socket).toBe('v4');
    a.agent.addLocal(createCandidate('host', 'v4', { host: '203.0.113.10', port: 4000 }));
    a.agent.setRemote(b.agent.credentials);
    b.agent.setRemote(a.agent.credentials);
    a.agent.addRemote(createCandidate('host', 'v4', { host: '203.0.113.11', port: 4000 }));
    lab.clock.advance(2000);
    expectOnePair(a, b);
  });

  test('credentials: refused when malformed, kept when set', () => {
    const { a, b } = twoSites();
    expect(a.agent.setRemote({ ufrag: 'x', password: 'y' })).toBe(false);
    expect(a.agent.setRemote(b.agent.credentials)).toBe(true);
    expect(a.agent.setRemote(b.agent.credentials)).toBe(true);
    expect(a.agent.setRemote(a.agent.credentials)).toBe(false);
  });

  test('a local candidate without socket is a mistake', () => {
    const { a } = twoSites();
    const { kind, endpoint, priority, foundation } = createCandidate('host', 'v4', {
      host: '10.0.0.1',
      port: 1,
    });
    expect(() => {
      a.agent.addLocal({ kind, endpoint, priority, foundation });
    }).toThrow(RangeError);
  });
});

describe('what a check shows', () => {
  test('behind a symmetric NAT: our address toward this peer, and theirs', () => {
    const { lab, a, b } = twoSites(['symmetric, sequential', 'full cone']);
    connect(a, b, lab.clock);
    lab.clock.advance(2000);
    expectOnePair(a, b);
    expect(a.found).toMatchObject([['local', { kind: 'prflx', base: 'v4' }]]);
    expect(b.found).toMatchObject([['remote', { kind: 'prflx' }]]);
    expect(a.found[0]?.[1].endpoint).toEqual(b.agent.selected?.remote.endpoint);
  });
});

describe('pacing and loss', () => {
  test('a new check every 50 ms (RFC 8445, 14.2), the best first', () => {
    const { lab, a, b } = twoSites();
    const started = new Map<string, number>();
    a.onSend = (bytes) => {
      const { class: kind, username, transactionId } = decodeStunMessage(bytes);
      const id = transactionId.join();
      if (kind === 'request' && username !== undefined && !started.has(id)) {
        started.set(id, lab.clock.monotonic());
      }
      return false;
    };
    a.agent.addLocal(createCandidate('host', 'v4', { host: '10.10.0.2', port: 4000 }));
    a.agent.setRemote(b.agent.credentials);
    for (let i = 1; i <= 10; i++) {
      const endpoint = { host: `198.51.100.${i}`, port: 4000 };
      a.agent.addRemote({ ...createCandidate('srflx', 'v4', endpoint), foundation: `f${i}` });
    }
    lab.clock.advance(450);
    expect([...started.values()]).toEqual([0, 50, 100, 150, 200, 250, 300, 350, 400, 450]);
  });

  const seeds = Array.from({ length: 25 }, (_, i) => i + 1);
  test.each(seeds)('seed %i: 30 percent of all packets get lost', (seed) => {
    const { lab, a, b } = twoSites(['home', 'home'], ['controlling', 'controlled'], seed);
    lab.internet.wire.loss = 0.3;
    connect(a, b, lab.clock);
    lab.clock.advance(20_000);
    expectOnePair(a, b);
  });

  test('home and home need two round trips after the candidates', () => {
    const { lab, a, b } = twoSites();
    connect(a, b, lab.clock, 20);
    lab.clock.advance(2000);
    expect(a.selected[0]?.atMs).toBeLessThan(400);
    expect(b.selected[0]?.atMs).toBeLessThan(400);
  });
});

test('a restart runs beside the old attempt', () => {
  const lab = new SimLab();
  const [siteA, siteB] = [lab.addSite('home'), lab.addSite('home')];
  const a = lab.addPeer(siteA, { role: 'controlling' });
  const b = lab.addPeer(siteB, { role: 'controlled' });
  connect(a, b, lab.clock);
  lab.clock.advance(3000);
  const a2 = lab.addPeer(siteA, { role: 'controlled', port: 4001 });
  const b2 = lab.addPeer(siteB, { role: 'controlling', port: 4001 });
  connect(a2, b2, lab.clock);
  lab.clock.advance(3000);
  expectOnePair(a, b);
  expectOnePair(a2, b2);
});

test('the report is plain, and tells the story', () => {
  const { lab, a, b } = twoSites();
  connect(a, b, lab.clock);
  expect(a.agent.report()).toMatchObject({ state: 'checking', pairs: [] });
  lab.clock.advance(3000);
  const report = a.agent.report();
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  expect(report).toMatchObject({
    state: 'connected',
    role: 'controlling',
    durationMs: 3000,
    local: [
      { kind: 'host', endpoint: '10.10.0.2:4000', base: 'v4' },
      { kind: 'srflx', endpoint: '203.0.113.10:4000', base: 'v4' },
    ],
    remote: [
      { kind: 'host', endpoint: '10.11.0.2:4000' },
      { kind: 'srflx', endpoint: '203.0.113.11:4000' },
    ],
    pairs: [
      { remote: '10.11.0.2:4000', kind: 'host', answers: 0 },
      {
        base: 'v4',
        remote: '203.0.113.11:4000',
        outcome: 'selected',
        mapped: '203.0.113.10:4000',
        rttMs: 52,
      },
    ],
    inbound: { wrongIntegrity: 0, refused: 0, dropped: 0 },
  });
  expect(report.failure).toBeUndefined();
});
