import { expect, test } from 'vitest';

import {
  isFreshStatement,
  isJustification,
  nextStatementMs,
  RequestLimits,
} from '../../../src/daemon/trust/trust-rules.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test.each([
  [5, 4, 10, true],
  [5, 5, 10, false],
  [5, 6, 10, false],
  [0, -1, 31 * DAY_MS, true],
  [0, -1, 31 * DAY_MS + 1, false],
  [DAY_MS, 0, 0, true],
  [DAY_MS + 1, 0, 0, false],
])('a statement of %i after %i at %i: %s', (atMs, newestMs, nowMs, isFresh) => {
  expect(isFreshStatement(atMs, newestMs, nowMs)).toBe(isFresh);
});

test.each([
  [0, 10, 10],
  [10, 10, 11],
  [DAY_MS - 1, 0, DAY_MS],
  [DAY_MS, 0, 0],
  [365 * DAY_MS, 5, 5],
])('after a statement of %i the next one, said at %i, is of %i', (newestMs, nowMs, nextMs) => {
  expect(nextStatementMs(newestMs, nowMs)).toBe(nextMs);
});

test.each([
  ['x'.repeat(1024), true],
  ['😀'.repeat(1024), true],
  ['x'.repeat(1025), false],
  ['two\nlines', false],
  ['\u2028', false],
  ['\u001b[31mred', false],
  ['\ud800', false],
  ['', true],
])('a justification %#', (why, isFine) => {
  expect(isJustification(why)).toBe(isFine);
});

test('strangers together have a limit too, which those who are known do not share', () => {
  const limits = new RequestLimits(16, 0);
  let allowed = 0;
  for (let i = 0; i < 2000; i++) if (limits.allow(`stranger ${i}`, true, 0)) allowed += 1;
  expect(allowed).toBe(1024);
  expect(limits.allow('a friend', false, 0)).toBe(true);
  expect(limits.allow('another', true, HOUR_MS / 1024)).toBe(true);
});
