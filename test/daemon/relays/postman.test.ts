import { expect, test } from 'vitest';

import { relaysFor } from '../../../src/daemon/relays/postman.ts';
import { FakeRelay } from '../fake-relay.ts';
import { World } from '../world.ts';

const HOME = { url: 'wss://home.example/' };
const OTHER = { url: 'wss://other.example/' };

test.each([
  ['in the order of the record', [OTHER.url, HOME.url], [OTHER, HOME]],
  ['with and without the pin', [`${OTHER.url}#pilot1x`], [OTHER]],
  ['all, when it names none of them', ['wss://elsewhere.example/'], [HOME, OTHER]],
  ['past what is no URL', ['ws://[', 'wss://a:99999', OTHER.url], [OTHER]],
  ['all, when it names nothing but what is no URL', ['ws://['], [HOME, OTHER]],
])('the relays of a node: %s', (_what, named, expected) => {
  expect(relaysFor(named, [HOME, OTHER])).toEqual(expected);
});

test('a peer whose record names a relay that is no URL gets its envelopes at the others', async () => {
  const world = new World();
  const [alice, bob] = [world.host('alice'), world.host('bob')];
  const nonsense = new FakeRelay('ws://[', world.clock);
  nonsense.isUp = false;
  bob.relays = [nonsense, world.relay];
  alice.start();
  bob.start();
  await world.run(1000);
  await world.trust(bob, alice);
  await world.until(bob.stop());
  await world.run(1000);
  const id = await alice.send(bob, 'hello');
  await world.run(1000);
  expect(alice.statusOf(id)).toBe('stored');
});
