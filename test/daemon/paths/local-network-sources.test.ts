import { expect, test } from 'vitest';

import { PATIENCE_MS } from '../../../src/daemon/paths/stun-servers.ts';
import { NetworkFixture, settle } from './network-fixture.ts';

const OUTER = { host: '203.0.113.10', port: 7000 };

test('the servers of a relay are asked at once after the login', async () => {
  const relays: { host: string; port: number }[] = [];
  const run = new NetworkFixture('home', { configured: [], relayStunServers: () => relays });
  run.network.start();
  await run.pass(100);
  expect(run.takeTold()).toEqual(['candidate host 10.10.0.2:4000', 'gathered']);
  expect(run.candidates).toEqual(['host 10.10.0.2:4000']);
  relays.push({ host: '203.0.113.2', port: 3479 });
  run.network.refresh('relay');
  await run.pass(30, 1);
  expect(run.takeTold()).toEqual(['changed: outer_address', 'gathered']);
  expect(run.candidates).toContain('srflx 203.0.113.10:4000');
});

test('a name that is resolved late joins; one that is not resolved costs nothing', async () => {
  let answer: (addresses: readonly string[]) => void = () => undefined;
  const run = new NetworkFixture('home', {
    configured: ['late.example', 'none.example'].map((host) => ({ host, port: 3478 })),
    resolve: async (name) => {
      if (name === 'none.example') throw new Error('no such name');
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  run.network.start();
  await run.pass(1_000);
  expect(run.takeTold()).toEqual(['candidate host 10.10.0.2:4000']);
  answer(['203.0.113.1', '2001:db8::1']);
  await settle();
  await run.pass(500);
  expect(run.takeTold()).toEqual(['candidate srflx 203.0.113.10:4000', 'gathered']);
});

test('a resolver that never answers is waited for as long as is bearable', async () => {
  let questions = 0;
  const run = new NetworkFixture('home', {
    configured: [
      { host: 'slow.example', port: 3478 },
      { host: '203.0.113.1', port: 3478 },
    ],
    resolve: async () => {
      questions++;
      return new Promise(() => undefined);
    },
  });
  run.network.start();
  await run.pass(PATIENCE_MS, 10);
  expect(run.told).toEqual([
    '0 candidate host 10.10.0.2:4000',
    expect.stringMatching(/^\d\d? candidate srflx 203\.0\.113\.10:4000$/),
    `${PATIENCE_MS} gathered`,
  ]);
  await run.pass(60 * 60_000, 5_000);
  expect(questions).toBe(1);
});

test('a name that led to where nobody answers is resolved again', async () => {
  const answers = ['203.0.113.99', '203.0.113.1'];
  const run = new NetworkFixture('home', {
    configured: [{ host: 'moved.example', port: 3478 }],
    resolve: async () => Promise.resolve([answers.shift() ?? '']),
  });
  run.network.start();
  await run.pass(30_000);
  expect(run.takeTold()).toEqual([
    ...['candidate host 10.10.0.2:4000', 'gathered'],
    ...['changed: outer_address', 'gathered'],
  ]);
  expect(run.candidates).toContain('srflx 203.0.113.10:4000');
});

test('a mapped port is a candidate for as long as there is one', async () => {
  const run = await new NetworkFixture('home').gather();
  expect(run.mapping).toMatchObject({ starts: 1, port: 4000 });
  run.tellMapping({ status: 'mapped', protocol: 'pcp', external: OUTER });
  expect(run.takeTold()).toEqual(['candidate srflx 203.0.113.10:7000']);
  run.network.refresh('test');
  await run.pass(20_000);
  expect(run.candidates).toContain('srflx 203.0.113.10:7000');
  run.tellMapping({ status: 'searching' });
  run.tellMapping({ status: 'none', failures: [] });
  await run.pass(1_000);
  expect(run.candidates).toEqual(['host 10.10.0.2:4000', 'srflx 203.0.113.10:4000']);
  expect(run.told).toEqual([]);
});

test('a port mapped at another outer address is a change, and its loss, too', async () => {
  const run = await new NetworkFixture('UDP blocked').gather();
  run.tellMapping({ status: 'mapped', protocol: 'pcp', external: OUTER });
  expect(run.takeTold()).toEqual(['changed: outer_address', 'gathered']);
  run.tellMapping({ status: 'none', failures: [] });
  await run.pass(10_000);
  expect(run.takeTold()).toEqual(['changed: outer_address', 'gathered']);
  expect(run.candidates).toEqual(['host 10.10.0.2:4000']);
});

test('stopped while it gathers: no timer is left, nothing is told, the port is given back', async () => {
  const run = new NetworkFixture('home');
  run.network.start();
  run.clock.advance(1);
  run.told.length = 0;
  await run.network.stop();
  await run.network.stop();
  const requests = run.stunRequests;
  // Datagrams under way are timers of the wire.
  await run.pass(1_000);
  expect(run.clock.pendingTimers).toBe(0);
  run.network.refresh('test');
  run.network.freshen();
  run.tellMapping({ status: 'mapped', protocol: 'pcp', external: OUTER });
  run.underlay.moveTo([]);
  await run.pass(60_000);
  expect(run.told).toEqual([]);
  expect(run.stunRequests).toBe(requests);
  expect(run.underlay.watcherCount).toBe(0);
  expect(run.mapping.stops).toBeGreaterThan(0);
  expect(run.clock.pendingTimers).toBe(0);
});

test('stopped by a listener, and while a name is resolved', async () => {
  const run = new NetworkFixture('home', {
    configured: [{ host: 'slow.example', port: 3478 }],
    resolve: async () => Promise.resolve(['203.0.113.1']),
  });
  run.network.events.on('candidate', () => {
    void run.network.stop();
  });
  run.network.start();
  await run.pass(60_000);
  expect(run.told).toEqual(['0 candidate host 10.10.0.2:4000']);
  expect(run.stunRequests).toBe(0);
  expect(run.clock.pendingTimers).toBe(0);
});

test('listeners and interfaces that throw hinder nothing', async () => {
  const run = new NetworkFixture('home', {
    interfaces: {
      watch: () => {
        throw new Error('permission denied');
      },
    },
  });
  run.network.events.on('candidate', () => {
    throw new Error('a fault of a listener');
  });
  run.network.events.on('gathered', () => {
    throw new Error('a fault of a listener');
  });
  await run.gather();
  expect(run.candidates).toEqual(['srflx 203.0.113.10:4000']);
  expect(run.network.isGathered).toBe(true);
  expect(run.errors).toHaveLength(2);
});
