import { beforeEach, describe, expect, test } from 'vitest';

import type { EventMap } from '../../../src/client/api.ts';
import { encodeNodeRecord } from '../../../src/identity/node-record.ts';
import { FakeRelay } from '../fake-relay.ts';
import { type Host, World } from '../world.ts';

let world: World;
let alice: Host;
beforeEach(async () => {
  world = new World();
  alice = world.host('alice');
  alice.start();
  await world.run(500);
});

describe('a hostname', () => {
  test('is set, known to the relay, and survives a restart', async () => {
    const set = await world.until(alice.node.setHostname('anna'));
    expect(set).toMatchObject({ hostname: 'anna', published: true });
    await alice.stop();
    alice.start();
    await world.run(500);
    expect(alice.node.names().hostname).toBe('anna');
    const bob = world.host('bob');
    bob.start();
    await world.run(500);
    await expect(world.until(bob.node.resolve('anna'))).resolves.toMatchObject({
      ...{ id: alice.id, trusted: false, online: false },
      relays: [world.relay.url],
    });
    await expect(world.until(bob.node.resolve('alice'))).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('in the configuration that changed since is the one', async () => {
    await world.until(alice.node.setHostname('anna'));
    await alice.stop();
    alice.settings = { ...alice.settings, hostname: 'alina' };
    alice.start();
    expect(alice.node.names().hostname).toBe('alina');
  });

  test('of another node is refused, and the old one stays', async () => {
    const bob = world.host('bob');
    bob.start();
    await world.run(500);
    await expect(world.until(bob.node.setHostname('alice'))).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(bob.node.names().hostname).toBe('bob');
    expect(bob.node.warnings()).toEqual([]);
  });

  test('can be cleared, and chosen while no relay is there', async () => {
    await world.until(alice.node.setHostname(''));
    expect(alice.node.names().hostname).toBe('');
    world.relay.goDown();
    await world.run(50);
    await expect(world.until(alice.node.setHostname('anna'))).resolves.toMatchObject({
      published: false,
    });
    await expect(alice.node.setHostname('No Name')).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

test('an address that is taken gives way to the next one, at every relay, for good', async () => {
  const second = new FakeRelay('wss://second.example/', world.clock);
  const before = alice.node.names();
  // Somebody has ground a key with this very number.
  second.isTaken = ({ node }) => node === before.node_id;
  await alice.stop();
  alice.relays = [world.relay, second];
  alice.start();
  await world.run(1000);
  const after = alice.node.names();
  expect(after.node_id).not.toBe(before.node_id);
  expect(after.id).toBe(before.id);
  for (const relay of [world.relay, second]) {
    expect(relay.find({ node: after.node_id })).toBeDefined();
  }
  await alice.stop();
  alice.start();
  await world.run(500);
  expect(alice.node.names()).toEqual(after);
});

test('a relay that has a newer record, from before the clock was set back, gets a newer one', async () => {
  const newest = encodeNodeRecord(alice.identity, {
    ...{ addressCounter: 0, hostname: 'old', relays: [], issuedAtMs: world.clock.now() + 1e9 },
  });
  await alice.stop();
  world.relay.records.set(alice.key, newest);
  alice.start();
  await world.run(500);
  expect(world.relay.find({ hostname: 'alice' })).toBeDefined();
});

describe('relays', () => {
  test('are seen as they come and go', async () => {
    const changes: EventMap['relay.changed'][] = [];
    alice.node.events.on('relay.changed', (view) => changes.push(view));
    world.relay.goDown();
    await world.run(1000);
    expect(alice.node.relays()).toMatchObject([{ state: 'waiting', reason: 'refused' }]);
    world.relay.goUp();
    await world.run(1000);
    expect(alice.node.relays()).toMatchObject([{ state: 'online', reason: '', rtt_ms: 10 }]);
    expect(changes.at(0)?.reason).toBe('relay went away');
    expect(changes.at(-1)?.state).toBe('online');
  });

  test('tell of a second login with the same identity', () => {
    const duplicates: EventMap['identity.duplicate'][] = [];
    alice.node.events.on('identity.duplicate', (event) => duplicates.push(event));
    world.relay.ports.get(alice.key)?.tellDuplicate();
    expect(duplicates).toMatchObject([{ relay: world.relay.url }]);
    expect(alice.node.warnings()[0]).toContain('this identity');
  });

  test('are asked in vain where there is none', async () => {
    const lonely = world.host('lonely');
    lonely.relays = [];
    lonely.start();
    await world.run(100);
    await expect(lonely.node.resolve('alice')).rejects.toMatchObject({
      code: 'connection_failed',
      message: 'no relay is online (none is configured)',
    });
    await expect(lonely.node.resolve('lonely')).resolves.toMatchObject({ online: false });
  });
});
