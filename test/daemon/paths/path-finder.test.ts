import { afterEach, describe, expect, test } from 'vitest';

import { FinderPair } from './finder-pair.ts';

let pairs: FinderPair[] = [];

afterEach(async () => {
  await Promise.all(pairs.splice(0).map(async (pair) => pair.stop()));
  pairs = [];
});

async function started(...args: ConstructorParameters<typeof FinderPair>): Promise<FinderPair> {
  const pair = new FinderPair(...args);
  pairs.push(pair);
  return pair.start();
}

async function connected(): Promise<FinderPair> {
  const pair = await started(['home', 'home']);
  expect(await pair.until(() => pair.isUp, 5000)).toBeDefined();
  return pair;
}

async function carries(pair: FinderPair): Promise<void> {
  const { a, b } = pair;
  for (const { packets } of pair.sides) packets.length = 0;
  a.send('to b');
  await pair.pass(500);
  b.send('to a');
  await pair.pass(500);
  expect([a.packets, b.packets]).toEqual([['to a'], ['to b']]);
}

describe('two nodes behind homes', () => {
  test('find a path, offered by the one that goes first, and it carries packets both ways', async () => {
    const pair = await connected();
    await carries(pair);
    expect(pair.a.told[0]).toBe('offer');
    expect(pair.b.told[0]).toBe('answer');
    expect([...pair.a.told, ...pair.b.told]).not.toContain('punch');
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([1, 1]);
  });

  test('of offers that cross, that of the one that goes first stands', async () => {
    const pair = new FinderPair(['home', 'home']);
    pairs.push(pair);
    for (const { network } of pair.sides) network.start();
    await pair.pass(3000);
    const toldByA = pair.a.tell;
    // b tires of waiting, just as the offer of a leaves.
    pair.a.tell = (item) => {
      pair.clock.after(1500, () => {
        toldByA(item);
      });
    };
    pair.openSession();
    expect(await pair.until(() => pair.isUp, 15_000)).toBeDefined();
    expect(pair.sides.map(({ told }) => told[0])).toEqual(['offer', 'offer']);
    expect(pair.b.told).toContain('answer');
    expect(pair.a.told).not.toContain('answer');
    await carries(pair);
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([1, 1]);
  });

  test('a path that is cut is noticed within 3 s of traffic, and found again within 15 s', async () => {
    const pair = await connected();
    await carries(pair);
    pair.blockUdp(true);
    pair.a.send('lost');
    pair.b.send('lost');
    const isGone = (): boolean => pair.sides.every(({ finder }) => finder.link === undefined);
    expect(await pair.until(isGone, 3000)).toBeDefined();
    expect(pair.a.failures.concat(pair.b.failures)).toMatchObject([
      { wasUp: true },
      { wasUp: true },
    ]);
    await pair.pass(2000);
    pair.blockUdp(false);
    expect(await pair.until(() => pair.isUp, 15_000)).toBeDefined();
    await carries(pair);
  });

  test('without a session there is neither a path nor an attempt', async () => {
    const pair = await connected();
    pair.endSession();
    expect(pair.sides.map(({ finder }) => finder.link)).toEqual([undefined, undefined]);
    await pair.pass(2000);
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([0, 0]);
    for (const { told } of pair.sides) told.length = 0;
    await pair.pass(120_000);
    expect(pair.sides.map(({ told }) => told)).toEqual([[], []]);
    pair.openSession();
    expect(await pair.until(() => pair.isUp, 5000)).toBeDefined();
    await carries(pair);
  });

  test('a path stays while another one is looked for', async () => {
    const pair = await connected();
    const before = pair.a.finder.link;
    pair.a.finder.tryNow();
    await pair.until(() => pair.a.finder.isTrying, 100);
    expect(pair.a.finder.link).toBe(before);
    expect(await pair.until(() => pair.a.finder.link !== before, 5000)).toBeDefined();
    await pair.until(() => pair.isUp, 2000);
    await carries(pair);
    await pair.pass(2000);
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([1, 1]);
  });
});
