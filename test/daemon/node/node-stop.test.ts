import { expect, test } from 'vitest';

import { World } from '../world.ts';

test('a node that stops while it owes and waits leaves no timer behind', async () => {
  const world = new World();
  const [alice, bob] = await world.pair();
  await world.until(bob.stop());
  await world.run(1000);
  void alice.node.setHostname('alicia').catch(() => undefined);
  await alice.send(bob, 'hello');
  await world.until(alice.node.requestTrust({ target: bob.id }));
  await world.until(alice.stop());
  await world.run(50);
  expect(world.clock.pendingTimers).toBe(0);
});
