import { expect, test } from 'vitest';

import { World } from '../world.ts';

test('who trusts a node finds it by its tags, also by those it took later, and after restarts', async () => {
  const world = new World();
  const [alice, bob] = await world.pair();
  const set = await world.until(bob.node.setTags(['gpu', 'translate']));
  expect(set).toMatchObject({ tags: ['gpu', 'translate'], published: true });
  const found = await world.until(alice.node.findTagged('gpu'));
  expect(found).toMatchObject([{ id: bob.id, tags: ['gpu', 'translate'], online: true }]);
  expect(await world.until(alice.node.findTagged('g'))).toEqual([]);
  expect(await world.until(alice.node.resolve(bob.id))).toMatchObject({ tags: set.tags });
  expect(await world.until(bob.node.resolve(bob.id))).toMatchObject({ tags: set.tags });
  await world.until(bob.stop());
  bob.start();
  await world.run(1000);
  expect(await world.until(bob.node.resolve(bob.id))).toMatchObject({ tags: set.tags });
  await world.until(bob.node.setTags([]));
  expect(await world.until(alice.node.findTagged('gpu'))).toEqual([]);
});

test('without a relay what was known counts, and tags are kept', async () => {
  const world = new World();
  const [alice, bob] = await world.pair();
  await world.until(bob.node.setTags(['gpu']));
  await world.until(alice.node.findTagged('gpu'));
  alice.goOffline();
  bob.goOffline();
  await world.run(1000);
  await expect(world.until(bob.node.setTags(['cpu']))).resolves.toMatchObject({ published: false });
  const found = await world.until(alice.node.findTagged('gpu'));
  expect(found).toMatchObject([{ id: bob.id, online: false }]);
  await world.until(alice.stop());
  alice.start();
  expect(await world.until(alice.node.findTagged('gpu'))).toHaveLength(1);
});

test('strangers are not found, though the relay has their records', async () => {
  const world = new World();
  const [alice] = await world.pair();
  const carol = world.host('carol');
  carol.start();
  await world.run(1000);
  await world.until(carol.node.setTags(['gpu']));
  expect(await world.until(alice.node.findTagged('gpu'))).toEqual([]);
  await world.trust(carol, alice);
  expect(await world.until(alice.node.findTagged('gpu'))).toMatchObject([{ id: carol.id }]);
});

test.each([[['a', 'b', 'c', 'd']], [['A']], [['a', 'a']]])('%j are refused', async (tags) => {
  const world = new World();
  const bob = world.host('bob');
  bob.start();
  await expect(bob.node.setTags(tags)).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('a full disk does not keep anybody from finding whom it knows', async () => {
  const world = new World();
  const [alice, bob] = await world.pair();
  await world.until(bob.node.setTags(['gpu']));
  await world.until(alice.node.findTagged('gpu'));
  await world.until(bob.node.setTags(['gpu', 'cpu']));
  alice.storage.isFull = true;
  expect(await world.until(alice.node.findTagged('gpu'))).toMatchObject([{ id: bob.id }]);
});
