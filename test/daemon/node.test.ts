import { beforeEach, expect, test } from 'vitest';

import { type Host, World } from './world.ts';

let world: World;
let alice: Host;
let bob: Host;
beforeEach(async () => {
  world = new World();
  [alice, bob] = await world.pair();
});

test('two nodes trust each other and talk', async () => {
  expect(alice.node.peers()).toMatchObject([{ id: bob.id, hostname: 'bob' }]);
  const id = await alice.send(bob, 'hello');
  await world.run(200);
  expect(bob.inbox).toEqual(['hello']);
  expect(alice.statusOf(id)).toBe('delivered');
  expect(alice.node.peers()).toMatchObject([{ state: 'connected', path: 'relay' }]);
});
