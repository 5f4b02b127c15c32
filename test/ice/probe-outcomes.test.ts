import { expect, test } from 'vitest';

import { OUTCOMES, PATIENCE_MS, ProbeOutcomes } from '../../src/ice/probe-outcomes.ts';

test('loss is the share of the last probes that had no answer in time', () => {
  const outcomes = new ProbeOutcomes();
  expect(outcomes.loss(0)).toBe(0);
  const first = outcomes.sent(0);
  expect(outcomes.loss(PATIENCE_MS - 1)).toBe(0);
  expect(outcomes.loss(PATIENCE_MS)).toBe(1 / OUTCOMES);
  first.isAnswered = true;
  expect(outcomes.loss(PATIENCE_MS)).toBe(0);
});

test('what is older than the last of them does not count', () => {
  const outcomes = new ProbeOutcomes();
  for (let i = 0; i < OUTCOMES; i++) outcomes.sent(0);
  expect(outcomes.loss(10_000)).toBe(1);
  for (let i = 0; i < OUTCOMES / 2; i++) outcomes.sent(10_000).isAnswered = true;
  expect(outcomes.loss(20_000)).toBe(0.5);
  for (let i = 0; i < OUTCOMES / 2; i++) outcomes.sent(20_000).isAnswered = true;
  expect(outcomes.loss(30_000)).toBe(0);
});
