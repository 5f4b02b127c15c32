import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { every } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/system-clock.ts';

const DAY_MS = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test.each([1, 2 ** 31 - 1, 2 ** 31, 100 * DAY_MS])('a timer of %i ms fires then', (ms) => {
  const run = vi.fn();
  systemClock.after(ms, run);
  vi.advanceTimersByTime(ms - 1);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

test('a long timer is cancelled also in its later parts', () => {
  const run = vi.fn();
  const cancel = systemClock.after(100 * DAY_MS, run);
  vi.advanceTimersByTime(60 * DAY_MS);
  cancel();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(60 * DAY_MS);
  expect(run).not.toHaveBeenCalled();
});

test('what comes every few months does not come all the time', () => {
  const run = vi.fn();
  const cancel = every(systemClock, 100 * DAY_MS, run);
  vi.advanceTimersByTime(250 * DAY_MS);
  expect(run).toHaveBeenCalledTimes(2);
  cancel();
});
