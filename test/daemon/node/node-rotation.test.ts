import { beforeEach, describe, expect, test } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { decodeNodeRecord } from '../../../src/identity/node-record.ts';
import { FakeRelay } from '../fake-relay.ts';
import { type Host, World } from '../world.ts';

let world: World;
let alice: Host;
let bob: Host;
beforeEach(async () => {
  world = new World();
  [alice, bob] = await world.pair();
});

/** The key that `of` is known by where records are kept. */
const publishedKey = (of: Host, relay = world.relay): string => {
  const record = relay.records.get(of.key);
  return record === undefined ? '' : toHex(decodeNodeRecord(record).chain.currentKey);
};

const texts = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** One message every 20 ms, without waiting for what becomes of it. */
async function sendAll(from: Host, to: Host, data: readonly string[]): Promise<void> {
  const sent: Promise<unknown>[] = [];
  for (const text of data) {
    sent.push(from.node.send({ target: to.id, type: 'text', data: text }));
    await world.run(20);
  }
  await Promise.all(sent);
}

describe('while both run', () => {
  test('messages flow on in both directions, once and in order', async () => {
    const [there, back] = [texts('there ', 60), texts('back ', 60)];
    const [first, second] = [alice.identity.currentKey, bob.identity.currentKey];
    const flowing = [sendAll(alice, bob, there), sendAll(bob, alice, back)];
    await world.run(200);
    alice.rotateKey();
    await world.run(400);
    bob.rotateKey();
    await world.run(5);
    alice.rotateKey();
    await world.run(3000);
    await Promise.all(flowing);
    expect(bob.inbox).toEqual(there);
    expect(alice.inbox).toEqual(back);
    expect(alice.identity.chain.length).toBe(2);
    expect(alice.identity.currentKey).not.toEqual(first);
    expect(bob.identity.currentKey).not.toEqual(second);
    expect(publishedKey(alice)).toBe(toHex(alice.identity.currentKey));
    expect(publishedKey(bob)).toBe(toHex(bob.identity.currentKey));
    expect(alice.node.outbox().messages).toEqual([]);
  });

  test.each(['alice', 'bob'])('%s may open the next session', async (who) => {
    alice.rotateKey();
    await world.run(200);
    // Whoever was restarted has something to say first.
    const [one, other] = who === 'alice' ? [alice, bob] : [bob, alice];
    one.crash();
    one.start();
    await world.run(500);
    const sent = await one.send(other, 'after');
    await world.run(300);
    expect(one.statusOf(sent)).toBe('delivered');
    expect(one.node.peers()[0]?.encrypted).toBe(true);
    expect(other.node.counters().drops.get('retired_key')).toBeUndefined();
  });

  test('a peer that has no session with us knows it, too', async () => {
    await world.until(alice.stop());
    await world.until(bob.stop());
    alice.start();
    bob.start();
    await world.run(1000);
    expect(bob.node.counters().sessionsOpen).toBe(0);
    alice.rotateKey();
    await world.run(200);
    const sent = await bob.send(alice, 'hello');
    await world.run(100);
    expect(bob.statusOf(sent)).toBe('delivered');
    expect(alice.node.counters().drops).toEqual(new Map());
  });

  test('a handshake to the old key that is under way costs time and nothing else', async () => {
    bob.crash();
    bob.start();
    await world.run(1000);
    alice.crash();
    alice.start();
    await world.run(1000);
    const sent = bob.send(alice, 'crossing');
    alice.rotateKey();
    await world.run(40_000);
    expect(bob.statusOf(await sent)).toBe('delivered');
    expect(alice.inbox).toEqual(['crossing']);
  });
});

describe('what was sealed to the key before', () => {
  async function leaveForBob(data: readonly string[]): Promise<void> {
    await world.until(bob.stop());
    await world.run(100);
    for (const text of data) await alice.send(bob, text);
    await world.run(500);
    expect(world.relay.mailboxes.get(bob.key)?.size).toBeGreaterThan(0);
  }

  test('cannot be read, and comes again, sealed to the new one', async () => {
    await leaveForBob(['1', '2', '3']);
    bob.rotateKey();
    bob.start();
    await world.run(20);
    expect(bob.inbox).toEqual([]);
    await world.run(10_000);
    expect(bob.inbox).toEqual(['1', '2', '3']);
    expect(bob.node.counters().drops.get('malformed_envelope')).toBeGreaterThan(0);
    expect(alice.node.outbox().messages).toEqual([]);
  });

  test('comes again also to a host that is never there when its sender is', async () => {
    await leaveForBob(['1', '2', '3']);
    alice.goOffline();
    bob.rotateKey();
    bob.start();
    await world.run(2000);
    expect(bob.inbox).toEqual([]);
    await world.until(bob.stop());
    alice.goOnline();
    await world.run(2000);
    alice.goOffline();
    bob.start();
    await world.run(2000);
    expect(bob.inbox).toEqual(['1', '2', '3']);
    await world.until(bob.stop());
    alice.goOnline();
    await world.run(2000);
    expect(alice.node.outbox().messages).toEqual([]);
  });

  test('by its sender is refused where the new key is known, and comes again under that', async () => {
    const second = new FakeRelay('wss://second.example/', world.clock);
    await world.until(Promise.all([alice.stop(), bob.stop()]));
    for (const host of [alice, bob]) host.relays = [world.relay, second];
    alice.start();
    await world.run(1000);
    await alice.send(bob, 'old');
    await world.run(1000);
    alice.rotateKey();
    await world.run(1000);
    alice.goOffline();
    expect(publishedKey(alice, second)).toBe(toHex(alice.identity.currentKey));
    // The relay with the message comes after the one with the news.
    world.relay.unreachableFor.add(bob.key);
    bob.start();
    await world.run(1000);
    expect(bob.inbox).toEqual([]);
    world.relay.unreachableFor.delete(bob.key);
    await world.run(1000);
    expect(bob.node.counters().drops.get('retired_key')).toBe(1);
    expect(bob.inbox).toEqual(['old']);
  });
});

describe('nobody is left with the old key', () => {
  test('when the process ends between the rotation and the telling', async () => {
    alice.crash();
    alice.rotateKey();
    alice.start();
    await world.run(500);
    const sent = await bob.send(alice, 'hello');
    await world.run(6000);
    expect(bob.statusOf(sent)).toBe('delivered');
  });

  test('when the disk is full at that moment', async () => {
    await world.until(bob.stop());
    world.relay.goDown();
    alice.storage.isFull = true;
    alice.rotateKey();
    await world.run(1000);
    alice.storage.isFull = false;
    await world.run(61_000);
    world.relay.goUp();
    await world.run(10_000);
    await world.until(alice.stop());
    bob.start();
    await world.run(1000);
    await bob.send(alice, 'hello');
    await world.run(1000);
    await world.until(bob.stop());
    alice.start();
    await world.run(1000);
    expect(alice.inbox).toEqual(['hello']);
  });

  test('when a request for trust waits for its answer', async () => {
    const carol = world.host('carol');
    carol.start();
    await world.run(1000);
    await world.until(alice.node.requestTrust({ target: carol.id }));
    await world.run(500);
    alice.rotateKey();
    await world.run(500);
    await world.until(carol.node.approveTrust({ target: alice.id }));
    await world.run(500);
    expect(alice.node.trusted()).toContainEqual(
      expect.objectContaining({ id: carol.id, mutual: true }),
    );
  });

  test('and it is told once', async () => {
    alice.rotateKey();
    await world.run(1000);
    const { puts } = world.relay;
    await world.until(alice.stop());
    alice.start();
    await world.run(1000);
    expect(world.relay.puts).toBe(puts);
  });
});
