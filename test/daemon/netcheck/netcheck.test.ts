import { describe, expect, test } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import type { Netcheck, NetcheckFamily } from '../../../src/client/api.ts';
import type { SiteKind } from '../../support/nat/sites.ts';
import {
  DEAD_SERVER,
  FakeRelayState,
  NetcheckFixture,
  PLAIN_STUN,
  RELAY_OK,
  RELAY_STUN,
  RELAY_URL,
  startServer,
} from './netcheck-fixture.ts';

const EVERYBODY = { filtering: 'endpoint-independent' } as const;
const CONE = { udp: true, behind_nat: true, mapping: 'endpoint-independent' } as const;
const STRICT = { ...CONE, filtering: 'address-and-port-dependent', hairpin: false } as const;
const SYMMETRIC = {
  ...STRICT,
  mapping: 'address-and-port-dependent',
  port_kept: false,
} as const;
const BLOCKED = { udp: false, mapped: '', behind_nat: null, mapping: 'unknown' } as const;

/** Of the first sentence. */
const ALL = /^Direct to every peer that has UDP/;
const MOST = /^Direct to most peers: the NAT has one outer port for all\./;
const GUESSING = /^Direct to most peers, with many after some seconds/;
const NO_UDP = /^UDP is blocked here: everything goes over the relay\.$/;

const SITES: [SiteKind, Netcheck['verdict'], RegExp, Partial<NetcheckFamily>][] = [
  ['open', 'direct', /a public address/, { ...EVERYBODY, behind_nat: false, port_kept: true }],
  ['full cone', 'direct', ALL, { ...CONE, ...EVERYBODY, port_kept: true, hairpin: false }],
  ['full cone with hairpin', 'direct', ALL, { ...CONE, ...EVERYBODY, hairpin: true }],
  ['address-restricted', 'direct', ALL, { ...CONE, filtering: 'address-dependent' }],
  ['home', 'mostly_direct', MOST, { ...STRICT, port_kept: true, port_step: null }],
  ['home, port changed', 'mostly_direct', MOST, { ...STRICT, port_kept: false }],
  ['carrier-grade', 'mostly_direct', MOST, STRICT],
  ['per remote address', 'hard_nat', GUESSING, { ...SYMMETRIC, mapping: 'address-dependent' }],
  ['symmetric, sequential', 'hard_nat', /counting by 1,/, { ...SYMMETRIC, port_step: 1 }],
  ['symmetric, random', 'hard_nat', GUESSING, { ...SYMMETRIC, port_step: null }],
  ['UDP blocked', 'relay_only', NO_UDP, BLOCKED],
  ['TCP 443 only', 'relay_only', NO_UDP, BLOCKED],
];

describe('at each kind of site', () => {
  test.each(SITES)('%s: %s', async (kind, verdict, words, ipv4) => {
    const fixture = new NetcheckFixture(kind);
    const found = await fixture.run();
    expect(found).toMatchObject({ verdict, warnings: [], ipv4: { available: true, ...ipv4 } });
    expect(found.expect[0]).toMatch(words);
    expect(found.udp).toBe(ipv4.udp ?? true);
    expect(found.duration_ms).toBeLessThan(10_000);
    expect(fixture.sockets.open).toBe(0);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('IPv6 behind a firewall', async () => {
    const found = await new NetcheckFixture('IPv6 only, firewall').run();
    expect(found).toMatchObject({
      ...{ verdict: 'ipv6_direct', udp: true, warnings: [] },
      ipv4: { available: false, addresses: [], udp: null },
      ipv6: { available: true, behind_nat: false, filtering: 'address-and-port-dependent' },
      port_mapping: { status: 'not_needed' },
    });
    expect(found.expect).toEqual([expect.stringMatching(/^Direct to peers that have IPv6/)]);
    expect(found.stun_servers.map(({ address }) => address)).toEqual([
      '[2001:db8::3]:3478',
      '[2001:db8::5]:3478',
    ]);
  });
});

test('everything it tells', async () => {
  const found = await new NetcheckFixture('home').run();
  expect(found).toEqual({
    verdict: 'mostly_direct',
    expect: [expect.stringMatching(MOST)],
    warnings: [],
    ...{ nat_traversal: 'preferred', relay_fallback: true, udp: true },
    ipv4: {
      ...{ available: true, addresses: ['10.10.0.2'], udp: true },
      ...{ mapped: '203.0.113.10:4002', behind_nat: true, port_kept: true, port_step: null },
      ...{ mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' },
      hairpin: false,
    },
    ipv6: expect.objectContaining({ available: false }) as object,
    stun_servers: [
      ['relay.test:3478', '203.0.113.3:3478'],
      ['stun.test:3478', '203.0.113.5:3478'],
    ].map(([name, address]) => ({
      ...{ name, address, outcome: 'answered', mapped: '203.0.113.10:4002' },
      rtt_ms: expect.closeTo(11, 0) as number,
    })),
    port_mapping: {
      ...{ status: 'none', protocol: '', external: '' },
      failures: [{ protocol: 'nat-pmp', reason: 'the gateway does not speak it' }],
    },
    relays: [{ url: RELAY_URL, online: true, ...RELAY_OK, connect_ms: 10, rtt_ms: 12.346 }],
    nearest_relay: RELAY_URL,
    ...{ captive_portal: false, http_proxies: [] },
    duration_ms: expect.any(Number) as number,
  });
});

describe('STUN servers', () => {
  test('a dead one costs its time and is named', async () => {
    const fixture = new NetcheckFixture('home', {
      wanted: () => [RELAY_STUN, PLAIN_STUN, DEAD_SERVER],
    });
    const found = await fixture.run();
    expect(found).toMatchObject({ verdict: 'mostly_direct', ipv4: STRICT });
    expect(found.stun_servers[2]).toMatchObject({ outcome: 'no_answer', mapped: '', rtt_ms: null });
    expect(found.warnings).toEqual(['No answer from the STUN server 203.0.113.99:3478.']);
    expect(found.duration_ms).toBeLessThan(5_000);
  });

  test('one that lies is outvoted and named', async () => {
    const fixture = new NetcheckFixture('home', {
      wanted: () => [RELAY_STUN, PLAIN_STUN, { host: '203.0.113.6', port: 3478 }],
    });
    startServer(fixture.internet, '203.0.113.6', { host: '198.51.100.1', port: 53 });
    const found = await fixture.run();
    expect(found).toMatchObject({ verdict: 'mostly_direct', ipv4: STRICT });
    expect(found.stun_servers[2]).toMatchObject({
      ...{ outcome: 'contradicted', mapped: '198.51.100.1:53' },
    });
    expect(found.warnings).toEqual([
      'Most STUN servers saw another address than 203.0.113.6:3478 told: not believed.',
    ]);
  });

  test('two that contradict each other: neither is believed', async () => {
    const fixture = new NetcheckFixture('home', {
      wanted: () => [PLAIN_STUN, { host: '203.0.113.6', port: 3478 }],
    });
    startServer(fixture.internet, '203.0.113.6', { host: '198.51.100.1', port: 53 });
    const found = await fixture.run();
    expect(found).toMatchObject({ verdict: 'unknown', udp: true, ipv4: { mapped: '' } });
    expect(found.warnings).toEqual([expect.stringMatching(/contradict each other/)]);
  });

  test('a single one without a second address cannot tell what the NAT does', async () => {
    const found = await new NetcheckFixture('home', { wanted: () => [PLAIN_STUN] }).run();
    expect(found).toMatchObject({ verdict: 'unknown', udp: true, warnings: [] });
    expect(found.expect[0]).toMatch(/^Direct to many peers, perhaps to most: UDP works/);
  });

  test('a name without an address', async () => {
    const lost = { host: 'lost.test', port: 3478 };
    const found = await new NetcheckFixture('home', {
      wanted: () => [RELAY_STUN, lost],
    }).run();
    expect(found.verdict).toBe('mostly_direct');
    expect(found.stun_servers[1]).toMatchObject({ name: 'lost.test:3478', address: '' });
    expect(found.warnings).toEqual([
      'The name of the STUN server lost.test:3478 cannot be resolved.',
    ]);
  });

  test('none: nothing is claimed of UDP', async () => {
    const found = await new NetcheckFixture('home', { wanted: () => [] }).run();
    expect(found).toMatchObject({ verdict: 'unknown', udp: null, stun_servers: [] });
    expect(found.expect[0]).toMatch(/there was no STUN server to ask/);
  });

  test('the one of a relay at which the node is about to log in is waited for', async () => {
    const relay = new FakeRelayState();
    relay.state = 'connecting';
    const fixture = new NetcheckFixture('home', {
      relays: [relay],
      wanted: () => (relay.state === 'online' ? [RELAY_STUN] : []),
    });
    fixture.clock.after(500, () => {
      relay.goOnline();
    });
    const found = await fixture.run();
    expect(found).toMatchObject({ verdict: 'mostly_direct', relays: [{ online: true }] });
    expect(found.stun_servers).toHaveLength(1);
  });
});

describe('the gateway', () => {
  const grant = (host: string): Parameters<NetcheckFixture['mapper']>[0] => ({
    external: { host, port: 5_711 },
    lifetimeMs: 7_200_000,
  });

  test('forwards a port, and gets it back', async () => {
    const fixture: NetcheckFixture = new NetcheckFixture('symmetric, random', {
      mappers: () => [fixture.mapper(grant('203.0.113.10'))],
    });
    const found = await fixture.run();
    expect(found.port_mapping).toEqual({
      ...{ status: 'mapped', protocol: 'nat-pmp', external: '203.0.113.10:5711', failures: [] },
    });
    expect(found).toMatchObject({ verdict: 'direct', warnings: [] });
    expect(found.expect[0]).toMatch(/the gateway forwards a port/);
    expect(fixture.gateway).toEqual({ asked: 1, released: 1 });
  });

  test('behind another NAT it helps nobody', async () => {
    const fixture: NetcheckFixture = new NetcheckFixture('home', {
      mappers: () => [fixture.mapper(grant('198.51.100.9'))],
    });
    const found = await fixture.run();
    expect(found).toMatchObject({ verdict: 'mostly_direct', port_mapping: { status: 'mapped' } });
    expect(found.warnings).toEqual([expect.stringMatching(/another NAT is behind the gateway/)]);
  });

  test('is not asked by a host on the internet itself', async () => {
    const fixture = new NetcheckFixture('open');
    await expect(fixture.run()).resolves.toMatchObject({ port_mapping: { status: 'not_needed' } });
    expect(fixture.gateway.asked).toBe(0);
  });
});

describe('what the settings forbid', () => {
  const off = { nat_traversal: 'off', port_mapping: true, relay_fallback: true } as const;

  test('nat_traversal: off asks relays alone, and says how to ask more', async () => {
    const fixture = new NetcheckFixture('home', {
      settings: off,
      resolve: async () => Promise.reject(new Error('nobody is to be looked up')),
    });
    const found = await fixture.run();
    expect(found).toMatchObject({ verdict: 'relay_only', udp: null, stun_servers: [] });
    expect(found.port_mapping.status).toBe('not_asked');
    expect(found.expect.join('\n')).toMatch(/nat_traversal: off.*\n.*pilotctl netcheck --force/);
    expect(fixture.sockets.opened).toBe(0);
    expect(fixture.gateway.asked).toBe(0);
    expect(fixture.probed).toEqual([RELAY_URL]);
  });

  test('with force it asks all the same', async () => {
    const fixture = new NetcheckFixture('home', { settings: off });
    const found = await fixture.run({ force: true });
    expect(found).toMatchObject({ verdict: 'relay_only', udp: true, ipv4: STRICT });
    expect(found.expect[1]).toMatch(/^With direct paths turned on: Direct to most peers/);
    expect(fixture.gateway.asked).toBe(1);
  });

  test.each([
    [{}, 0, 'not_asked'],
    [{ force: true }, 1, 'none'],
  ])('port_mapping: false with %o', async (request, asked, status) => {
    const settings = { ...off, nat_traversal: 'required', port_mapping: false } as const;
    const fixture = new NetcheckFixture('home', { settings });
    await expect(fixture.run(request)).resolves.toMatchObject({ port_mapping: { status } });
    expect(fixture.gateway.asked).toBe(asked);
  });
});

describe('its end', () => {
  test('one at a time', async () => {
    const fixture = new NetcheckFixture('home');
    const first = fixture.run();
    await expect(fixture.run()).rejects.toMatchObject({
      ...{ code: 'unavailable', hint: 'It takes 10 s at most: try again then.' },
    });
    await first;
    await expect(fixture.run()).resolves.toMatchObject({ verdict: 'mostly_direct' });
  });

  test('aborted, it closes everything and gives the port back before it says so', async () => {
    const stop = new AbortController();
    const fixture: NetcheckFixture = new NetcheckFixture('UDP blocked', {
      mappers: () => [
        fixture.mapper({ external: { host: '203.0.113.10', port: 1 }, lifetimeMs: 60_000 }),
      ],
      probe: async (_url, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        }),
    });
    const running = fixture.netcheck.run({}, stop.signal);
    fixture.clock.after(1_000, () => {
      stop.abort(new Error('gone'));
    });
    await expect(fixture.settle(running)).rejects.toThrow('gone');
    expect(fixture.sockets).toEqual({ open: 0, opened: 2 });
    expect(fixture.gateway).toEqual({ asked: 1, released: 1 });
    expect(fixture.clock.pendingTimers).toBe(0);
    expect(fixture.clock.monotonic()).toBeLessThan(1_100);
  });

  test('nobody answers anything: over within 10 s', async () => {
    const silent: NetcheckFixture['mapper'] = () => ({
      protocol: 'upnp',
      timeoutMs: 60_000,
      make: async () =>
        Promise.resolve({
          map: async () => new Promise(() => undefined),
          release: async () => new Promise(() => undefined),
        }),
    });
    const fixture = new NetcheckFixture('UDP blocked', {
      mappers: () => [silent()],
      resolve: async () => new Promise(() => undefined),
      wanted: () => [RELAY_STUN, DEAD_SERVER],
    });
    const found = await fixture.run();
    expect(found.duration_ms).toBeLessThanOrEqual(10_000);
    expect(found).toMatchObject({ udp: false, port_mapping: { status: 'none' } });
  });

  test('a host without UDP sockets', async () => {
    const found = await new NetcheckFixture('home', {
      openSockets: () => {
        throw new PilotError('unavailable', 'no UDP socket can be opened');
      },
    }).run();
    expect(found).toMatchObject({ verdict: 'relay_only', udp: false });
  });

  test('a host whose interfaces cannot be listed is asked for all the same', async () => {
    const found = await new NetcheckFixture('home', { interfaces: () => undefined }).run();
    expect(found).toMatchObject({
      verdict: 'mostly_direct',
      ipv4: { ...STRICT, available: true, addresses: [] },
    });
  });
});
