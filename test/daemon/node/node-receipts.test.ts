import { beforeEach, describe, expect, test } from 'vitest';

import { seededRandom } from '../../support/seeded-random.ts';
import { type Host, World } from '../world.ts';

let world: World;
let alice: Host;
let bob: Host;

/** Alice has left messages for Bob, who is away, and goes away herself. Her process lives on. */
async function leave(data: readonly string[]): Promise<string[]> {
  alice.goOnline();
  await world.run(1000);
  const ids: string[] = [];
  for (const text of data) ids.push(await alice.send(bob, text));
  await world.run(1000);
  expect(ids.map((id) => alice.statusOf(id))).toEqual(ids.map(() => 'stored'));
  alice.goOffline();
  await world.run(100);
  return ids;
}

/** Alice is there for a while, and Bob is not. */
async function aliceAlone(ms = 2000): Promise<void> {
  expect(bob.isRunning).toBe(false);
  alice.goOnline();
  await world.run(ms);
  alice.goOffline();
  await world.run(100);
}

const envelopesFor = (host: Host): number => world.relay.mailboxes.get(host.key)?.size ?? 0;

beforeEach(async () => {
  world = new World();
  [alice, bob] = await world.pair();
  await world.until(bob.stop());
});

describe('two hosts that are never there at the same time', () => {
  test('hear of what arrived', async () => {
    const ids = await leave(['1', '2', '3']);
    bob.start();
    await world.run(1000);
    await world.until(bob.stop());
    expect(envelopesFor(bob)).toBe(0);
    await aliceAlone();
    expect(ids.map((id) => alice.statusOf(id))).toEqual(['delivered', 'delivered', 'delivered']);
  });

  test('hear of it though the receiver dies between the message and its receipt', async () => {
    const ids = await leave(['1', '2', '3']);
    world.relay.latencyMs = 100;
    bob.start();
    while (bob.inbox.length === 0) await world.run(10);
    bob.crash();
    await world.run(1000);
    expect(envelopesFor(alice)).toBe(0);
    expect(envelopesFor(bob)).toBeGreaterThan(0);
    bob.start();
    expect(bob.inbox).toEqual(['1', '2', '3']);
    await world.run(2000);
    await world.until(bob.stop());
    await aliceAlone();
    expect(ids.map((id) => alice.statusOf(id))).toEqual(['delivered', 'delivered', 'delivered']);
    bob.start();
    await world.run(2000);
    expect(bob.inbox).toEqual(['1', '2', '3']);
    expect(envelopesFor(bob)).toBe(0);
  });

  test.each([1, 2, 3, 4])(
    'lose nothing, whenever they die and come back (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      const upTo = (ms: number): number => 10 * Math.ceil(((random(1)[0] ?? 0) / 256) * (ms / 10));
      const sent: string[] = [];
      for (let round = 0; round < 25; round++) {
        alice.goOnline();
        if (upTo(100) > 70) {
          alice.crash();
          alice.start();
        }
        await world.run(500);
        for (let i = 0; i < 3; i++) {
          sent.push(`${round} ${i}`);
          await alice.send(bob, `${round} ${i}`);
        }
        await world.run(upTo(400));
        alice.goOffline();
        await world.run(100);
        bob.start();
        await world.run(upTo(150));
        bob.crash();
      }
      await leave([]);
      bob.start();
      await world.run(2000);
      await world.until(bob.stop());
      await aliceAlone();
      bob.start();
      await world.run(2000);
      await world.until(bob.stop());
      await aliceAlone();
      bob.start();
      expect(bob.inbox).toEqual(sent);
      expect(alice.node.outbox().messages).toEqual([]);
    },
  );
});

test('many envelopes of one sender are answered together', async () => {
  const ids = await leave(Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(200_000)}`));
  expect(envelopesFor(bob)).toBe(40);
  const { puts } = world.relay;
  bob.start();
  await world.run(1000);
  expect(bob.inbox).toHaveLength(40);
  expect(envelopesFor(bob)).toBe(0);
  expect(world.relay.puts - puts).toBeLessThan(10);
  await world.until(bob.stop());
  await aliceAlone();
  expect(ids.filter((id) => alice.statusOf(id) !== 'delivered')).toEqual([]);
});

test('a relay that takes no answers keeps no mail back; they wait for a session', async () => {
  const ids = await leave(['1']);
  world.relay.refusePut = 'mailbox_full';
  bob.start();
  await world.run(1000);
  expect(bob.inbox).toEqual(['1']);
  expect(envelopesFor(bob)).toBe(0);
  alice.goOnline();
  await world.run(2000);
  expect(ids.map((id) => alice.statusOf(id))).toEqual(['delivered']);
});
