import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type Candidate,
  candidateRefusal,
  endpointRefusal,
  familyOf,
  foundationOf,
  isUsableRemote,
  localPreferenceOf,
  peerReflexivePriority,
  priorityOf,
} from '../../src/ice/candidate.ts';

describe('priority (RFC 8445, 5.1.2.1)', () => {
  test.each([
    // The example of RFC 8839, 5.1: a host candidate of a host with one address.
    ['host', 65_535, 2_130_706_431],
    ['srflx', 65_535, 1_694_498_815],
    ['prflx', 65_535, 1_862_270_975],
    ['host', 0, 2_113_929_471],
  ] as const)('%s with local preference %i', (kind, localPreference, priority) => {
    expect(priorityOf(kind, localPreference)).toBe(priority);
  });

  test('what a check announces keeps the local preference', () => {
    expect(peerReflexivePriority(priorityOf('host', 65_533))).toBe(priorityOf('prflx', 65_533));
    expect(peerReflexivePriority(priorityOf('srflx', 0))).toBe(priorityOf('prflx', 0));
  });

  test('any kind and preference is a priority that STUN can carry, and kinds do not mix', () => {
    const preference = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(preference, preference, (a, b) => {
        expect(priorityOf('host', a)).toBeGreaterThan(priorityOf('prflx', b));
        expect(priorityOf('prflx', a)).toBeGreaterThan(priorityOf('srflx', b));
        expect(priorityOf('host', a)).toBeLessThan(2 ** 31);
      }),
    );
  });

  test('local preferences: earlier interfaces first, IPv6 before IPv4, all different', () => {
    const preferences = [0, 1, 2].flatMap((index) => [
      localPreferenceOf('v6', index),
      localPreferenceOf('v4', index),
    ]);
    expect(preferences).toEqual([65_535, 65_534, 65_533, 65_532, 65_531, 65_530]);
    expect(localPreferenceOf('v4', 1_000_000)).toBe(0);
  });
});

describe('foundation (RFC 8445, 5.1.1.3)', () => {
  const foundations = [
    foundationOf('host', '10.0.0.1'),
    foundationOf('host', '10.0.0.2'),
    foundationOf('srflx', '10.0.0.1'),
    foundationOf('srflx', '10.0.0.1', '192.0.2.1'),
    foundationOf('srflx', '10.0.0.1', '192.0.2.2'),
  ];

  test('differs by kind, base and server', () => {
    expect(new Set(foundations).size).toBe(foundations.length);
    expect(foundationOf('host', '10.0.0.1')).toBe(foundations[0]);
  });

  test('is made of ice-char', () => {
    for (const foundation of foundations) expect(foundation).toMatch(/^[A-Za-z0-9+/]{8}$/);
  });
});

const OURS = { host: '198.51.100.7', port: 4711 };

describe('addresses', () => {
  test.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['169.254.1.1', 'link_local'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.250', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::2', 'reserved'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:224.0.0.1', 'multicast'],
    ['::ffff:0.0.0.0', 'unspecified'],
    ['fe80::1', 'link_local'],
    ['febf::1', 'link_local'],
    ['fe80::1%eth0', 'not_numeric'],
    ['2001:db8::1%eth0', 'not_numeric'],
    ['ff02::1', 'multicast'],
    ['localhost', 'not_numeric'],
    ['', 'not_numeric'],
    ['1.2.3', 'not_numeric'],
    ['0x7f.0.0.1', 'not_numeric'],
    ['198.51.100.7', 'our_own'],
    ['::ffff:198.51.100.7', 'our_own'],
  ])('%s is refused: %s', (host, refusal) => {
    expect(endpointRefusal({ host, port: 4711 }, { ours: [OURS] })).toBe(refusal);
  });

  test.each([
    '10.0.0.5',
    '100.64.0.1',
    '172.16.3.4',
    '192.168.1.1',
    '223.255.255.255',
    '2001:db8::1',
    'fd00::1',
    'fec0::1',
  ])('%s is used', (host) => {
    expect(isUsableRemote({ host, port: 1 }, { ours: [OURS] })).toBe(true);
  });

  test('our own address with another port is another host behind our NAT', () => {
    expect(isUsableRemote({ ...OURS, port: 4712 }, { ours: [OURS] })).toBe(true);
  });

  test.each([0, -1, 65_536, 1.5, Number.NaN])('port %d is refused', (port) => {
    expect(endpointRefusal({ host: '10.0.0.5', port }, { ours: [] })).toBe('port');
  });

  test('loopback only where it is allowed, and nothing else with it', () => {
    const rules = { ours: [], allowLoopback: true };
    expect(isUsableRemote({ host: '127.0.0.1', port: 1 }, rules)).toBe(true);
    expect(isUsableRemote({ host: '::1', port: 1 }, rules)).toBe(true);
    expect(isUsableRemote({ host: '0.0.0.0', port: 1 }, rules)).toBe(false);
    expect(isUsableRemote({ host: '169.254.0.1', port: 1 }, rules)).toBe(false);
  });

  test.each([
    ['10.0.0.1', 'v4'],
    ['::ffff:10.0.0.1', 'v4'],
    ['fd00::1', 'v6'],
    ['name', undefined],
  ])('the family of %s is %s', (host, family) => {
    expect(familyOf(host)).toBe(family);
  });
});

describe('signalled candidates', () => {
  const good: Candidate = {
    kind: 'host',
    endpoint: { host: '10.0.0.5', port: 4000 },
    priority: priorityOf('host', 65_535),
    foundation: 'a',
  };

  test('a good one', () => {
    expect(candidateRefusal(good, { ours: [] })).toBeUndefined();
    expect(candidateRefusal({ ...good, kind: 'srflx' }, { ours: [] })).toBeUndefined();
  });

  test.each([
    ['kind', { kind: 'prflx' }],
    ['kind', { kind: 'relay' }],
    ['kind', { kind: '' }],
    ['priority', { priority: 0 }],
    ['priority', { priority: 2 ** 31 }],
    ['priority', { priority: -1 }],
    ['priority', { priority: 1.5 }],
    ['foundation', { foundation: '' }],
    ['foundation', { foundation: 'a b' }],
    ['foundation', { foundation: 'x'.repeat(33) }],
    ['port', { endpoint: { host: '10.0.0.5', port: 0 } }],
    ['multicast', { endpoint: { host: '224.0.0.1', port: 1 } }],
  ])('refused for its %s: %j', (refusal, change) => {
    expect(candidateRefusal({ ...good, ...change } as Candidate, { ours: [] })).toBe(refusal);
  });
});
