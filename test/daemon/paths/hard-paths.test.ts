/** Paths through NATs that give each flow another port, found by whole finders. */
import { expect, test } from 'vitest';

import type { SiteKind } from '../../support/nat/sites.ts';
import { expectPackets, type FinderPair, startedPair } from './finder-pair.ts';

const RANDOM = 'symmetric, random';
const SEQUENTIAL = 'symmetric, sequential';

const extraSockets = ({ sides }: FinderPair): number[] =>
  sides.map(({ underlay }) => underlay.extraSockets.length);

test.each<readonly [SiteKind, SiteKind]>([
  ['home', RANDOM],
  [RANDOM, 'home'],
  ['carrier-grade', RANDOM],
  ['home, port changed', 'per remote address'],
  ['home', SEQUENTIAL],
  [SEQUENTIAL, 'home'],
  [SEQUENTIAL, SEQUENTIAL],
])('%s asks %s: a path that carries packets, and no socket too many', async (...kinds) => {
  const pair = await startedPair(kinds);
  expect(await pair.until(() => pair.isUp, 10_000)).toBeDefined();
  await expectPackets(pair);
  await pair.pass(60_000);
  expect(pair.isUp).toBe(true);
  await expectPackets(pair);
  const bases = pair.sides.map(({ finder }) => finder.pair?.base ?? '');
  expect(bases.some((base) => base.startsWith('punch-'))).toBe(true);
  expect(pair.sides.map(({ underlay }) => underlay.extraSockets)).toEqual(
    bases.map((base) => (base.startsWith('punch-') ? [base] : [])),
  );
  for (const side of pair.sides) expect(side.mostExtraSockets).toBeLessThanOrEqual(256);
  pair.endSession();
  await pair.pass(2000);
  expect(extraSockets(pair)).toEqual([0, 0]);
});

test.each<readonly [SiteKind, SiteKind, RegExp]>([
  [RANDOM, RANDOM, /both NATs give every flow a random port/],
  [RANDOM, SEQUENTIAL, /one NAT gives every flow a random port/],
  ['home', 'UDP blocked', /UDP is blocked/],
])('%s and %s stay on the relay, and say why', async (a, b, why) => {
  const pair = await startedPair([a, b]);
  await pair.pass(30_000);
  expect(pair.isUp).toBe(false);
  for (const { finder, told } of pair.sides) {
    expect(finder.lastFailure?.text).toMatch(/^(?:no check was answered|the peer ended it)/);
    expect(told).not.toContain('punch');
  }
  const texts = pair.sides.map(({ finder }) => finder.lastFailure?.text ?? '');
  expect(texts.some((text) => why.test(text))).toBe(true);
  expect(extraSockets(pair)).toEqual([0, 0]);
});

test('a path on a socket of its own outlives what another attempt opens', async () => {
  const pair = await startedPair([RANDOM, 'home']);
  expect(await pair.until(() => pair.isUp, 10_000)).toBeDefined();
  const before = pair.a.finder.pair?.base;
  expect(before).toMatch(/^punch-/);
  await pair.pass(25_000);
  pair.a.finder.tryNow();
  await pair.until(() => pair.a.underlay.extraSockets.length > 100, 10_000);
  expect(pair.a.finder.pair?.base).toBe(before);
  await expectPackets(pair);
  // What was found is as good as what is there, so that stays.
  expect(await pair.until(() => !pair.a.finder.isTrying, 20_000)).toBeDefined();
  await pair.pass(10_000);
  expect(pair.a.finder.pair?.base).toBe(before);
  await expectPackets(pair);
  expect(extraSockets(pair)).toEqual([1, 0]);
});

test('nothing is left when a session ends amid punching', async () => {
  const pair = await startedPair([RANDOM, 'home']);
  await pair.until(() => pair.a.underlay.extraSockets.length > 0, 10_000);
  pair.endSession();
  await pair.pass(100);
  expect(extraSockets(pair)).toEqual([0, 0]);
  let sent = 0;
  for (const { underlay } of pair.sides) {
    underlay.onSend = () => {
      sent++;
      return true;
    };
  }
  await pair.pass(30_000);
  expect(sent).toBe(0);
});
