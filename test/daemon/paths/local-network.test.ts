import { expect, test } from 'vitest';

import { FRESH_MS } from '../../../src/daemon/paths/local-network.ts';
import { MIN_ROUND_MS, ROUND_MS } from '../../../src/daemon/paths/round-pace.ts';
import type { SiteKind } from '../../support/nat/sites.ts';
import { DEAD_SERVER, NetworkFixture, settle } from './network-fixture.ts';

const EASY: readonly (readonly [SiteKind, readonly string[]])[] = [
  ['open', ['host 203.0.113.10:4000', 'host [2001:db8::10]:4000']],
  ['full cone', ['host 10.10.0.2:4000', 'srflx 203.0.113.10:4000']],
  ['full cone with hairpin', ['host 10.10.0.2:4000', 'srflx 203.0.113.10:4000']],
  ['address-restricted', ['host 10.10.0.2:4000', 'srflx 203.0.113.10:4000']],
  ['home', ['host 10.10.0.2:4000', 'srflx 203.0.113.10:4000']],
  ['carrier-grade', ['host 10.10.0.2:4000', 'srflx 203.0.113.10:4000']],
  ['IPv6 only, firewall', ['host [2001:db8:10::2]:4000']],
];

test.each(EASY)('%s: finds its addresses in one round trip', async (kind, expected) => {
  const run = new NetworkFixture(kind);
  run.network.start();
  await run.pass(30, 1);
  const reflexive = run.told.filter((line) => line.includes('srflx') || line.includes('host'));
  expect([...run.candidates].sort()).toEqual([...expected].sort());
  expect(reflexive).toHaveLength(expected.length);
  expect(run.told.at(-1)).toMatch(/^\d\d? gathered$/);
  expect(run.network.isGathered).toBe(true);
  expect(run.network.natReport?.udp).toBe(true);
});

test('home, port changed: the port that servers see is told', async () => {
  const run = new NetworkFixture('home, port changed');
  await run.gather();
  expect(run.candidates[1]).toMatch(/^srflx 203\.0\.113\.10:\d{5}$/);
  expect(run.network.natReport?.bases[0]).toMatchObject({
    ...{ behindNat: true, portKept: false, mapping: 'endpoint-independent' },
  });
});

test('host candidates are told before a server is asked', () => {
  const run = new NetworkFixture('home');
  run.network.start();
  expect(run.told).toEqual(['0 candidate host 10.10.0.2:4000']);
  expect(run.network.isGathered).toBe(false);
});

test('UDP blocked: gathered with what there is, and tried again, slower each time', async () => {
  const run = new NetworkFixture('UDP blocked');
  await run.pass(0);
  run.network.start();
  await run.pass(6_000);
  expect(run.told).toEqual(['0 candidate host 10.10.0.2:4000', '5000 gathered']);
  expect(run.network.natReport?.udp).toBe(false);
  await run.pass(30 * 60_000, 5_000);
  const requests = run.stunRequests;
  await run.pass(60 * 60_000, 5_000);
  // Four requests to each of four servers in a round, one of those in 2.5 minutes on average.
  expect(run.stunRequests - requests).toBeGreaterThan(4 * 4 * 12);
  expect(run.stunRequests - requests).toBeLessThan(4 * 4 * 48);
  expect(run.told).toHaveLength(2);
});

test('a dead server holds nothing up but the end of the round', async () => {
  const run = new NetworkFixture('home', {
    configured: [DEAD_SERVER, { host: '203.0.113.1', port: 3478 }],
  });
  run.network.start();
  await run.pass(6_000, 10);
  expect(run.told.map((line) => line.replace(/^\d{1,2} /, 'soon '))).toEqual([
    'soon candidate host 10.10.0.2:4000',
    expect.stringMatching(/ candidate srflx 203\.0\.113\.10:4000$/),
    '5000 gathered',
  ]);
  expect(Number.parseInt(run.told[1] ?? '', 10)).toBeLessThan(350);
});

test('idle, nothing is told, and a round in 5 minutes is all the traffic', async () => {
  const run = await new NetworkFixture('home').gather();
  const requests = run.stunRequests;
  await run.pass(60 * 60_000, 5_000);
  expect(run.told).toEqual([]);
  // One request to each of four servers.
  expect((run.stunRequests - requests) / 4).toBeGreaterThanOrEqual(60 / 6.25 - 1);
  expect((run.stunRequests - requests) / 4).toBeLessThanOrEqual(60 / 3.75);
});

test('a host that moves: the old addresses are void at once', async () => {
  const run = await new NetworkFixture('home').gather();
  const other = run.internet.addSite('home, port changed');
  run.underlay.moveTo(other.hosts[0] ?? []);
  // The watcher waits until it is quiet.
  await run.pass(250);
  expect(run.takeTold()).toEqual(['changed: interfaces']);
  expect(run.candidates).toEqual(['host 10.11.0.2:4000']);
  expect(run.network.isGathered).toBe(false);
  await run.pass(500);
  expect(run.takeTold()).toEqual([
    expect.stringMatching(/^candidate srflx 203\.0\.113\.11:\d+$/),
    'gathered',
  ]);
  expect(run.mapping.starts).toBe(2);
});

test('a host that goes offline and comes back', async () => {
  const run = await new NetworkFixture('home').gather();
  run.underlay.moveTo([]);
  await run.pass(10_000);
  expect(run.takeTold()).toEqual(['changed: interfaces', 'gathered']);
  expect(run.candidates).toEqual([]);
  run.underlay.moveTo(run.site.hosts[0] ?? []);
  await run.pass(1_000);
  expect(run.takeTold()).toEqual([
    'changed: interfaces',
    'candidate srflx 203.0.113.10:4000',
    'gathered',
  ]);
});

test('a change of interfaces that changes no address is not told', async () => {
  const run = await new NetworkFixture('home').gather();
  run.underlay.moveTo([]);
  run.underlay.moveTo(run.site.hosts[0] ?? []);
  // Not what stands there in the middle of a change.
  run.underlay.moveTo([]);
  run.network.refresh('test');
  await run.pass(100);
  run.underlay.moveTo(run.site.hosts[0] ?? []);
  await run.pass(5_000);
  expect(run.told).toEqual([]);
});

test('another outer address is noticed by the timer', async () => {
  const run = await new NetworkFixture('home').gather();
  run.site.routers[0]?.moveTo('203.0.113.77');
  await run.pass(1.25 * ROUND_MS, 5_000);
  expect(run.takeTold()).toEqual(['changed: outer_address', 'gathered']);
  expect(run.candidates).toEqual(['host 10.10.0.2:4000', 'srflx 203.0.113.77:4000']);
  // A gateway that was restarted has forgotten its ports.
  expect(run.mapping.starts).toBe(2);
});

test('and at once when somebody asks', async () => {
  const run = await new NetworkFixture('home').gather();
  run.site.routers[0]?.moveTo('203.0.113.77');
  run.network.refresh('consent lost');
  await run.pass(30, 1);
  expect(run.takeTold()).toEqual(['changed: outer_address', 'gathered']);
});

test('a NAT that forgot its mappings: the new port is told, and nothing is void', async () => {
  const run = await new NetworkFixture('home, port changed').gather();
  const [host, before] = run.candidates;
  run.site.routers[0]?.forget();
  run.network.refresh('wake');
  await run.pass(500);
  expect(run.takeTold()).toEqual([expect.stringMatching(/^candidate srflx 203\.0\.113\.10:\d+$/)]);
  expect(run.candidates).toEqual([host, expect.stringContaining('srflx 203.0.113.10:')]);
  expect(run.candidates[1]).not.toBe(before);
});

test('freshen asks only when a NAT may have forgotten', async () => {
  const run = await new NetworkFixture('home').gather();
  const requests = run.stunRequests;
  run.network.freshen();
  await run.pass(1_000);
  expect(run.stunRequests).toBe(requests);
  await run.pass(FRESH_MS);
  run.network.freshen();
  await run.pass(1_000);
  expect(run.stunRequests).toBe(requests + 4);
});

test('hundreds of lost paths are one round', async () => {
  const run = await new NetworkFixture('home').gather();
  const requests = run.stunRequests;
  for (let i = 0; i < 300; i++) run.network.refresh('consent lost');
  await settle();
  for (let i = 0; i < 300; i++) run.network.refresh('consent lost');
  await run.pass(MIN_ROUND_MS + 1_000);
  expect(run.stunRequests).toBe(requests + 4);
  run.network.refresh('a');
  await run.pass(100);
  run.network.refresh('b');
  await run.pass(MIN_ROUND_MS);
  expect(run.stunRequests).toBe(requests + 3 * 4);
});

test('when the servers fall silent, what they said stays', async () => {
  const run = await new NetworkFixture('home').gather();
  const [router] = run.site.routers;
  if (router !== undefined) router.isBlocked = true;
  run.network.refresh('test');
  await run.pass(60_000);
  expect(run.told).toEqual([]);
  expect(run.candidates).toEqual(['host 10.10.0.2:4000', 'srflx 203.0.113.10:4000']);
  expect(run.network.natReport?.udp).toBe(false);
});
