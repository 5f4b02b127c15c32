import { expect, test } from 'vitest';

import { MAX_UNANSWERED_REQUESTS, ProbeBudget } from '../../src/ice/probe-budget.ts';

const A = { host: '198.51.100.1', port: 1 };

test('14 requests to an endpoint that does not answer, each endpoint for itself', () => {
  const budget = new ProbeBudget();
  for (let i = 0; i < MAX_UNANSWERED_REQUESTS; i++) expect(budget.take(A)).toBe(true);
  expect([budget.take(A), budget.isSpent(A)]).toEqual([false, true]);
  expect(budget.isSpent({ host: '::ffff:198.51.100.1', port: 1 })).toBe(true);
  expect(budget.take({ ...A, port: 2 })).toBe(true);
  expect(MAX_UNANSWERED_REQUESTS).toBe(14);
});

test('as many as needed to one that does', () => {
  const budget = new ProbeBudget(1);
  budget.take(A);
  budget.answered(A);
  expect([budget.take(A), budget.take(A), budget.isSpent(A)]).toEqual([true, true, false]);
});
