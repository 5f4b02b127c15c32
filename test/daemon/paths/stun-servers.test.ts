import { expect, test } from 'vitest';

import { type Endpoint, formatEndpoint, parseEndpoint } from '../../../src/base/endpoint.ts';
import { PATIENCE_MS, StunServers } from '../../../src/daemon/paths/stun-servers.ts';
import { MAX_STUN_SERVERS } from '../../../src/ice/gatherer.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { settle } from './network-fixture.ts';

const at = (text: string): Endpoint => parseEndpoint(text) ?? { host: '', port: 0 };

class Run {
  readonly clock = new ManualClock();
  readonly asked: string[] = [];
  readonly settled: boolean[] = [];
  relays: readonly Endpoint[] = [];
  readonly servers: StunServers;
  readonly #answers: ((addresses: readonly string[] | undefined) => void)[] = [];

  constructor(configured: readonly string[]) {
    this.servers = new StunServers(
      {
        clock: this.clock,
        configured: configured.map(at),
        relayStunServers: () => this.relays,
        resolve: async (name) => {
          this.asked.push(name);
          return new Promise((resolve, reject) => {
            this.#answers.push((addresses) => {
              if (addresses === undefined) reject(new Error('no such name'));
              else resolve(addresses);
            });
          });
        },
      },
      { settled: (isNews) => this.settled.push(isNews) },
    );
  }

  get known(): readonly string[] {
    return this.servers.known.map(formatEndpoint);
  }

  /** The oldest question that has none. */
  async answer(...addresses: string[]): Promise<void> {
    this.#answers.shift()?.(addresses);
    await settle();
  }

  async fail(): Promise<void> {
    this.#answers.shift()?.(undefined);
    await settle();
  }
}

test('numeric servers are known at once, those of relays first, each once', () => {
  const run = new Run(['192.0.2.1:3478', '[2001:db8::1]:3478', '198.51.100.1:3478']);
  run.relays = [at('198.51.100.1:3478')];
  run.servers.look();
  expect(run.known).toEqual(['198.51.100.1:3478', '192.0.2.1:3478', '[2001:db8::1]:3478']);
  expect(run.servers.isWaiting).toBe(false);
  expect(run.asked).toEqual([]);
});

test('a name is asked for once, for all its ports; of many addresses a few are used', async () => {
  const run = new Run(['a.example:3478', 'a.example:19302']);
  run.servers.look();
  run.servers.look();
  expect(run.asked).toEqual(['a.example']);
  expect(run.servers.isWaiting).toBe(true);
  await run.answer('192.0.2.9', '192.0.2.8', '192.0.2.7', '2001:db8::1', 'rubbish');
  expect(run.settled).toEqual([true]);
  expect(run.known).toEqual([
    ...['192.0.2.7:3478', '192.0.2.8:3478', '[2001:db8::1]:3478'],
    ...['192.0.2.7:19302', '192.0.2.8:19302', '[2001:db8::1]:19302'],
  ]);
  expect(run.clock.pendingTimers).toBe(0);
});

test('an answer holds for ten minutes, and is no news when only its order is another', async () => {
  const run = new Run(['a.example:3478']);
  run.servers.look();
  await run.answer('192.0.2.1', '192.0.2.2');
  run.clock.advance(599_999);
  run.servers.look();
  expect(run.asked).toHaveLength(1);
  run.clock.advance(1);
  run.servers.look();
  expect(run.asked).toHaveLength(2);
  await run.answer('192.0.2.2', '192.0.2.1');
  expect(run.settled).toEqual([true, false]);
});

test('what is forgotten is used until there is a better answer', async () => {
  const run = new Run(['a.example:3478']);
  run.servers.look();
  await run.answer('192.0.2.1');
  run.servers.forget();
  run.servers.look();
  await run.fail();
  expect(run.known).toEqual(['192.0.2.1:3478']);
  run.servers.look();
  await run.answer('192.0.2.5');
  expect(run.known).toEqual(['192.0.2.5:3478']);
  expect(run.settled).toEqual([true, false, true]);
});

test('there is one question at a time; who gathers waits no longer than our patience', async () => {
  const run = new Run(['slow.example:3478', 'none.example:3478', 'good.example:3478']);
  run.servers.look();
  run.clock.advance(PATIENCE_MS);
  expect(run.settled).toEqual([false]);
  run.servers.look();
  expect(run.asked).toEqual(['slow.example']);
  expect(run.servers.isWaiting).toBe(false);
  await run.answer('192.0.2.1');
  expect(run.asked).toEqual(['slow.example', 'none.example']);
  await run.fail();
  await run.answer('192.0.2.2');
  expect(run.settled).toEqual([false, true, true]);
  expect(run.known).toEqual(['192.0.2.1:3478', '192.0.2.2:3478']);
});

test('one that failed is asked again after those that wait', async () => {
  const run = new Run(['none.example:3478', 'a.example:3478', 'b.example:3478']);
  run.servers.look();
  await run.fail();
  run.servers.look();
  await run.answer('192.0.2.1');
  await run.answer('192.0.2.2');
  expect(run.asked).toEqual(['none.example', 'a.example', 'b.example', 'none.example']);
});

test('what a stranger names is bounded', async () => {
  const run = new Run(['last.example:3478']);
  run.relays = Array.from({ length: 50 }, (_, i) => at(`relay${i}.example:3478`));
  run.servers.look();
  for (let i = 0; i < 60; i++) await run.answer('192.0.2.1');
  expect(run.asked).toHaveLength(MAX_STUN_SERVERS);
});

test('stopped, it tells nothing and asks nothing', async () => {
  const run = new Run(['a.example:3478', 'b.example:3478']);
  run.servers.look();
  run.servers.stop();
  await run.answer('192.0.2.1');
  run.servers.look();
  run.clock.advance(60_000);
  expect(run.settled).toEqual([]);
  expect(run.asked).toEqual(['a.example']);
  expect(run.clock.pendingTimers).toBe(0);
});
