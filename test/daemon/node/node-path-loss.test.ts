/** A direct path that is up but loses packets (seeded), against a relay that does not. */
import { afterEach, expect, test } from 'vitest';

import { randomFraction } from '../../../src/base/random.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { DirectWorld } from '../direct-world.ts';

const SEEDS = [1, 2, 3];
/** Twenty minutes of two nodes, on a machine that has other things to do. */
const LONG_TEST_MS = 60_000;
let worlds: DirectWorld[] = [];

afterEach(async () => {
  await Promise.all(worlds.map(async (one) => one.stop()));
  worlds = [];
});

/** A direct path that carries a session. */
async function direct(seed: number): Promise<DirectWorld> {
  const one = new DirectWorld(['open', 'open'], seed);
  worlds.push(one);
  await one.start();
  await one.alice.send(one.bob, 'hello');
  await one.world.run(5000);
  expect(pathOf(one)).toBe('direct');
  one.takeTold();
  return one;
}

const pathOf = ({ alice }: DirectWorld): string | undefined => alice.node.peers()[0]?.path;

/** The share of the datagrams that gets lost, each way. */
function lose(one: DirectWorld, share: number, seed: number): void {
  const random = seededRandom(seed);
  for (const underlay of one.underlays) underlay.onSend = () => randomFraction(random) >= share;
}

/** For how much of the time the path was direct, and how often it changed. */
async function watch(one: DirectWorld, ms: number): Promise<{ part: number; changes: number }> {
  const step = 500;
  let directMs = 0;
  for (let passedMs = 0; passedMs < ms; passedMs += step) {
    await one.world.run(step);
    if (pathOf(one) === 'direct') directMs += step;
  }
  const changes = one.takeTold().filter(([name]) => name !== 'path.failed').length;
  return { part: directMs / ms, changes };
}

test.each(SEEDS)(
  'two fifths lost: it is left for the relay, and is back when healthy; seed %d',
  async (seed) => {
    const one = await direct(seed);
    lose(one, 0.4, seed);
    await one.world.run(20_000);
    const lossy = await watch(one, 300_000);
    expect(lossy.part).toBeLessThan(0.2);
    // Left after some seconds, and tried again after 30 s, 60 s, 120 s.
    expect(lossy.changes).toBeLessThanOrEqual(10);
    lose(one, 0, seed);
    // The distrust may last ten minutes by now.
    await one.world.run(700_000);
    expect(pathOf(one)).toBe('direct');
    one.takeTold();
    expect(await watch(one, 60_000)).toEqual({ part: 1, changes: 0 });
  },
  LONG_TEST_MS,
);

test.each(SEEDS)('a spell of loss costs the path a minute or so; seed %d', async (seed) => {
  const one = await direct(seed);
  lose(one, 0.4, seed);
  await one.world.run(30_000);
  lose(one, 0, seed);
  await one.world.run(90_000);
  expect(pathOf(one)).toBe('direct');
});

test.each(SEEDS)('a little lost: it stays; seed %d', async (seed) => {
  const one = await direct(seed);
  lose(one, 0.03, seed);
  const { part, changes } = await watch(one, 300_000);
  expect(part).toBeGreaterThan(0.98);
  expect(changes).toBeLessThanOrEqual(2);
});

test.each(SEEDS)(
  'about what is too much lost: it does not flap; seed %d',
  async (seed) => {
    const one = await direct(seed);
    lose(one, 0.12, seed);
    const { changes } = await watch(one, 600_000);
    expect(changes).toBeLessThanOrEqual(12);
  },
  LONG_TEST_MS,
);

test('messages arrive once and in order, whichever path carries them', async () => {
  const one = await direct(7);
  lose(one, 0.4, 7);
  const texts = ['hello'];
  for (let i = 0; i < 60; i++) {
    texts.push(`message ${i}`);
    await one.alice.send(one.bob, texts.at(-1) ?? '');
    await one.world.run(1000);
  }
  await one.world.run(30_000);
  expect(one.bob.inbox).toEqual(texts);
});
