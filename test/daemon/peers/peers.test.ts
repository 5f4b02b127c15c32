import { expect, test } from 'vitest';

import { FakeRelay } from '../fake-relay.ts';
import { World } from '../world.ts';

const HOUR_MS = 3_600_000;

test('a relay that answers with rubbish does not hide where a peer has moved', async () => {
  const world = new World();
  const elsewhere = new FakeRelay('wss://elsewhere.example/', world.clock);
  const [alice, bob] = [world.host('alice'), world.host('bob')];
  alice.relays = [world.relay, elsewhere];
  alice.start();
  bob.start();
  await world.run(1000);
  await world.trust(alice, bob);
  await world.until(bob.stop());
  bob.relays = [elsewhere];
  bob.start();
  await world.run(1000);
  await world.until(bob.stop());
  // Long after alice asked the last time.
  world.clock.advance(2 * HOUR_MS);
  world.relay.find = () => Uint8Array.of(1, 2, 3);
  await alice.send(bob, 'hello');
  await world.run(1000);
  await alice.send(bob, 'are you there?');
  await world.run(1000);
  expect(elsewhere.mailboxes.get(bob.key)?.size).toBeGreaterThan(0);
  bob.start();
  await world.run(2000);
  expect(bob.inbox).toEqual(['hello', 'are you there?']);
});

test('an envelope that the disk refused is kept when there is room again, in the same login', async () => {
  const world = new World();
  const [alice, bob] = [world.host('alice'), world.host('bob')];
  alice.start();
  bob.start();
  await world.run(1000);
  await world.until(alice.node.requestTrust({ target: bob.id }));
  await world.run(100);
  alice.storage.isFull = true;
  await world.until(bob.node.approveTrust({ target: alice.id }));
  await world.run(120_000);
  expect(alice.node.trusted()).toMatchObject([{ id: bob.id, mutual: false }]);
  alice.storage.isFull = false;
  await world.run(60_000);
  expect(alice.node.trusted()).toMatchObject([{ id: bob.id, mutual: true }]);
  expect(world.relay.mailboxes.get(alice.key)?.size).toBe(0);
  const timers = world.clock.pendingTimers;
  await world.run(120_000);
  expect(world.clock.pendingTimers).toBeLessThanOrEqual(timers);
});

test('trust that is ended and given again while an envelope is under way leaves one sender of them', async () => {
  const world = new World();
  const [alice, bob] = await world.pair();
  world.relay.latencyMs = 500;
  await world.until(bob.node.requestTrust({ target: alice.id }));
  await world.run(600);
  await world.until(bob.stop());
  await world.run(40);
  await alice.send(bob, 'under way');
  await world.until(alice.node.revokeTrust({ target: bob.id }));
  await world.run(400);
  await world.until(alice.node.approveTrust({ target: bob.id }));
  await alice.send(bob, 'x'.repeat(5000));
  await world.run(5000);
  const envelopes = [...(world.relay.mailboxes.get(bob.key)?.values() ?? [])];
  expect(envelopes.filter(({ body }) => body.length > 5000).length).toBe(1);
});
