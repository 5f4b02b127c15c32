import type { ClientRequest } from 'node:http';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { awaitAnswer } from '../../src/client/awaited-request.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function awaited(limitMs: number) {
  const reject = vi.fn();
  const destroy = vi.fn();
  const request = { destroy } as unknown as ClientRequest;
  awaitAnswer(request, { socketPath: '/x', limitMs, signal: undefined }, reject);
  return { reject, destroy };
}

test.each([
  ['no limit', Infinity],
  ['more than a timer can hold', 2 ** 31],
])('%s: it is waited for', (_name, limitMs) => {
  const { reject, destroy } = awaited(limitMs);
  vi.advanceTimersByTime(24 * 3_600_000);
  expect([reject.mock.calls, destroy.mock.calls]).toEqual([[], []]);
});

test('a request is given up at its limit, not before', () => {
  const { reject, destroy } = awaited(1000);
  vi.advanceTimersByTime(999);
  expect(reject).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(reject).toHaveBeenCalledOnce();
  expect(destroy).toHaveBeenCalledOnce();
});
