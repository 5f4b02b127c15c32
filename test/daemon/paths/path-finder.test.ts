import { describe, expect, test } from 'vitest';

import { expectPackets, type FinderPair, newPair, startedPair } from './finder-pair.ts';

async function connected(): Promise<FinderPair> {
  const pair = await startedPair(['home', 'home']);
  expect(await pair.until(() => pair.isUp, 5000)).toBeDefined();
  return pair;
}

describe('two nodes behind homes', () => {
  test('find a path, offered by the one that goes first, and it carries packets both ways', async () => {
    const pair = await connected();
    await expectPackets(pair);
    expect(pair.a.told[0]).toBe('offer');
    expect(pair.b.told[0]).toBe('answer');
    expect([...pair.a.told, ...pair.b.told]).not.toContain('punch');
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([1, 1]);
  });

  test('of offers that cross, that of the one that goes first stands', async () => {
    const pair = newPair(['home', 'home']);
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
    await expectPackets(pair);
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([1, 1]);
  });

  test('a path that is cut is noticed within 3 s of traffic, and found again within 15 s', async () => {
    const pair = await connected();
    await expectPackets(pair);
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
    await expectPackets(pair);
  });

  test('who hears nothing suspects the network after half a second; who is answered does not', async () => {
    const pair = await connected();
    const suspicions: number[] = [];
    pair.a.network.events.on('suspected', () => suspicions.push(pair.clock.monotonic()));
    await expectPackets(pair);
    await pair.pass(1000);
    expect(suspicions).toEqual([]);
    pair.blockUdp(true);
    const sinceMs = pair.clock.monotonic();
    pair.a.send('lost');
    expect(await pair.until(() => suspicions.length > 0, 3000)).toBeLessThanOrEqual(505);
    expect(suspicions[0]).toBe(sinceMs + 500);
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
    await expectPackets(pair);
  });

  test('a path stays while another one is looked for', async () => {
    const pair = await connected();
    const before = pair.a.finder.link;
    pair.a.finder.tryNow();
    await pair.until(() => pair.a.finder.isTrying, 100);
    expect(pair.a.finder.link).toBe(before);
    expect(await pair.until(() => pair.a.finder.link !== before, 5000)).toBeDefined();
    await pair.until(() => pair.isUp, 2000);
    await expectPackets(pair);
    await pair.pass(2000);
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([1, 1]);
  });
});
