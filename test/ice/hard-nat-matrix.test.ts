import { expect, test } from 'vitest';

import { DIRECT_CELLS, HOPELESS_CELLS, testHardCells } from './hard-nat-cells.ts';
import { HardRun } from './hard-nat-run.ts';

testHardCells(0);

test('the matrix has every cell', () => {
  expect(DIRECT_CELLS).toHaveLength(3 * 3 * 2 + 1);
  expect(HOPELESS_CELLS).toHaveLength(3 * 3 - 1 + 3 * 6 * 2);
});

test.each([
  ['symmetric, random', 'open'],
  ['full cone', 'symmetric, random'],
  ['symmetric, sequential', 'address-restricted'],
  ['home', 'carrier-grade'],
] as const)('nothing is punched where checks do: %s asks %s', (a, b) => {
  const run = new HardRun([a, b], { seed: 1, delayMs: 25 });
  expect(run.directWithin(1000)).toBeDefined();
  run.finish();
  for (const { attempt, said } of [run.a, run.b]) {
    expect(attempt.report).toMatchObject({ rounds: 0, sockets: 0, probes: 0 });
    expect(said).toEqual([]);
  }
});

test.each([
  ['far', { delayMs: 100, neighbours: 20 }],
  ['busy', { delayMs: 25, neighbours: 50 }],
])('two sequential NATs, %s: later rounds aim further', (_, as) => {
  const cell = ['symmetric, sequential', 'symmetric, sequential'] as const;
  let rounds = 0;
  let direct = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const run = new HardRun(cell, { ...as, seed });
    if (run.directWithin(10_000) !== undefined) direct++;
    rounds = Math.max(rounds, run.a.attempt.report.rounds);
    run.close();
  }
  expect(direct).toBeGreaterThanOrEqual(19);
  expect(rounds).toBeGreaterThan(1);
});

test('ports that run away from prediction are met by chance', () => {
  // Some 60 flows of others while our own are on their way.
  const run = new HardRun(['symmetric, sequential', 'home'], {
    ...{ seed: 1, delayMs: 100, neighbours: 300 },
  });
  expect(run.directWithin(10_000)).toBeDefined();
  expect(run.a.attempt.report.rounds).toBe(3);
  run.finish();
});
