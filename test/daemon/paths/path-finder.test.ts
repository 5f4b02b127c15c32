import { describe, expect, test } from 'vitest';

import { REPROBE_MS } from '../../../src/daemon/paths/path-finder.ts';
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

  test.each([40, 47, 55, 90, 300])(
    'UDP that was blocked for %i s: a path within 15 s of its end',
    async (seconds) => {
      const pair = await connected();
      pair.blockUdp(true);
      pair.a.send('lost');
      pair.b.send('lost');
      await pair.pass(seconds * 1000);
      expect(pair.isUp).toBe(false);
      pair.blockUdp(false);
      expect(await pair.until(() => pair.isUp, 15_000)).toBeDefined();
      await expectPackets(pair);
    },
  );

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

  test('a path stays when nothing better is found, and that is no failure', async () => {
    const pair = await connected();
    const before = pair.sides.map(({ finder }) => finder.link);
    pair.a.finder.tryNow();
    expect(await pair.until(() => pair.a.finder.isTrying, 100)).toBeDefined();
    expect(await pair.until(() => !pair.a.finder.isTrying, 5000)).toBeDefined();
    await pair.pass(2000);
    expect(pair.sides.map(({ finder }) => finder.link)).toEqual(before);
    expect(pair.sides.map(({ failures }) => failures)).toEqual([[], []]);
    await expectPackets(pair);
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([1, 1]);
  });

  test('a host that has moved has another path, soon', async () => {
    const pair = await connected();
    const before = pair.a.finder.link;
    pair.a.underlay.moveTo(pair.internet.addSite('home').hosts[0] ?? []);
    const isThere = (): boolean => pair.isUp && pair.a.finder.link !== before;
    expect(await pair.until(isThere, 15_000)).toBeDefined();
    await expectPackets(pair);
    await pair.pass(2000);
    expect(pair.sides.map(({ underlay }) => underlay.linkCount)).toEqual([1, 1]);
  });
});

describe('topology', () => {
  /** How many attempts either side began. */
  const offers = ({ sides }: FinderPair): number =>
    sides.flatMap(({ told }) => told).filter((step) => step === 'offer').length;

  async function connectedAs(isStatic: boolean): Promise<FinderPair> {
    const pair = await startedPair(['home', 'home'], { isStatic });
    expect(await pair.until(() => pair.isUp, 5000)).toBeDefined();
    await pair.pass(2000);
    for (const { told } of pair.sides) told.length = 0;
    return pair;
  }

  test('dynamic: a better path is looked for by a timer, and when the network changes', async () => {
    const pair = await connectedAs(false);
    await pair.pass(REPROBE_MS / 2 - 5000);
    expect(offers(pair)).toBe(0);
    await pair.pass(2 * REPROBE_MS);
    const byTimer = offers(pair);
    expect(byTimer).toBeGreaterThanOrEqual(1);
    // Both sides ask, each at half of the time at the soonest.
    expect(byTimer).toBeLessThanOrEqual(5);
    pair.a.network.events.emit('changed', { reason: 'interfaces' });
    await pair.pass(3000);
    expect(offers(pair)).toBe(byTimer + 1);
    // All of that led to the path in use.
    expect(pair.sides.map(({ failures }) => failures)).toEqual([[], []]);
  });

  test('static: a path in use is left alone, whatever changes', async () => {
    const pair = await connectedAs(true);
    await pair.pass(3 * REPROBE_MS);
    for (const { network } of pair.sides) network.events.emit('changed', { reason: 'interfaces' });
    await pair.pass(5000);
    expect(offers(pair)).toBe(0);
    expect(pair.isUp).toBe(true);
  });

  test.each([true, false])(
    'a path that fails is looked for again; static: %s',
    async (isStatic) => {
      const pair = await connectedAs(isStatic);
      pair.blockUdp(true);
      pair.a.send('lost');
      await pair.pass(10_000);
      expect(pair.sides.map(({ finder }) => finder.link)).toEqual([undefined, undefined]);
      pair.blockUdp(false);
      // Also after an attempt that came to nothing.
      expect(await pair.until(() => pair.isUp, 60_000)).toBeDefined();
      expect(offers(pair)).toBeGreaterThan(0);
      await expectPackets(pair);
    },
  );
});
