/** The cells of the matrix that checks alone do not connect, each tried again and again. */
import { expect, test } from 'vitest';

import type { WhyNoPunching } from '../../src/ice/hard-nat.ts';
import type { SiteKind } from '../support/nat/sites.ts';
import { HardRun } from './hard-nat-run.ts';

const TRIES = 20;
const WITHIN_MS = 10_000;
/** More than a home has. */
const NEIGHBOUR_FLOWS_PER_SECOND = 10;
/** Twenty tries take some 2 s. */
const TIMEOUT_MS = 60_000;

const CONES = ['home', 'home, port changed', 'carrier-grade'] as const;
const RANDOM = ['per remote address', 'symmetric, random'] as const;
const SEQUENTIAL = 'symmetric, sequential' as const;

type Cell = readonly [SiteKind, SiteKind];

const bothWays = ([a, b]: Cell): readonly Cell[] => [
  [a, b],
  [b, a],
];

export const DIRECT_CELLS: readonly Cell[] = [
  ...CONES.flatMap((cone) =>
    [...RANDOM, SEQUENTIAL].flatMap((hard) => bothWays([cone, hard] as const)),
  ),
  [SEQUENTIAL, SEQUENTIAL],
];

export const HOPELESS_CELLS: readonly (readonly [SiteKind, SiteKind, WhyNoPunching])[] = [
  ...RANDOM.flatMap((a) => RANDOM.map((b) => [a, b, 'both_random'] as const)),
  ...RANDOM.flatMap((random) =>
    bothWays([random, SEQUENTIAL]).map(([a, b]) => [a, b, 'random_and_sequential'] as const),
  ),
  ...(['UDP blocked', 'TCP 443 only', 'IPv6 only, firewall'] as const).flatMap((site) =>
    [...CONES, ...RANDOM, SEQUENTIAL].flatMap((other) =>
      bothWays([site, other]).map(([a, b]) => [a, b, 'no_address'] as const),
    ),
  ),
];

/** One way over the internet; between the two sides, and to the relay. */
export function testHardCells(delayMs: number): void {
  test.each(DIRECT_CELLS)(
    `direct in at least 19 of 20: %s asks %s, ${delayMs} ms`,
    (a, b) => {
      const late: number[] = [];
      for (let seed = 1; seed <= TRIES; seed++)
        if (!isDirect([a, b], seed, delayMs)) late.push(seed);
      expect(late.length, `seeds ${late.join()}`).toBeLessThanOrEqual(1);
    },
    TIMEOUT_MS,
  );

  test.each(HOPELESS_CELLS)(`not tried: %s asks %s, ${delayMs} ms`, (a, b, why) => {
    const run = new HardRun([a, b], { seed: 1, delayMs });
    expect(run.directWithin(25_000)).toBeUndefined();
    for (const peer of [run.a, run.b]) {
      const { text } = peer.attempt.report;
      expect(text.length).toBeGreaterThan(40);
      expect(peer.attempt.report).toMatchObject({ why, probes: 0, sockets: 0 });
      expect(peer.agent.report().state).toBe('failed');
      expect(peer.said).toEqual([]);
    }
    run.close();
  });
}

function isDirect(cell: Cell, seed: number, delayMs: number): boolean {
  const neighbours = cell.includes(SEQUENTIAL) ? NEIGHBOUR_FLOWS_PER_SECOND : 0;
  const run = new HardRun(cell, { seed, delayMs, neighbours });
  const atMs = run.directWithin(WITHIN_MS);
  for (const { attempt, mostSockets } of [run.a, run.b]) {
    expect(attempt.report.probes).toBeLessThanOrEqual(2000);
    expect(mostSockets).toBeLessThanOrEqual(256);
  }
  if (atMs === undefined) run.close();
  else run.finish();
  return atMs !== undefined;
}
