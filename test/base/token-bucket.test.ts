import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { TokenBucket } from '../../src/base/token-bucket.ts';

const settings = { perSecond: 2, burst: 3 };

test('a full bucket gives its burst, then what flows in', () => {
  const bucket = new TokenBucket(settings, 0);
  expect([1, 2, 3, 4].map(() => bucket.take(0))).toEqual([true, true, true, false]);
  expect(bucket.take(499)).toBe(false);
  expect(bucket.take(500)).toBe(true);
  expect(bucket.take(500)).toBe(false);
});

test('it saves up to its burst and no more', () => {
  const bucket = new TokenBucket(settings, 0);
  bucket.take(0, 3);
  expect(bucket.take(1_000_000, 4)).toBe(false);
  expect(bucket.take(1_000_000, 3)).toBe(true);
});

test('a refused take takes nothing', () => {
  const bucket = new TokenBucket(settings, 0);
  expect(bucket.take(0, 4)).toBe(false);
  expect(bucket.take(0, 3)).toBe(true);
});

test('a clock that goes back gives nothing and harms nothing', () => {
  const bucket = new TokenBucket(settings, 1_000);
  bucket.take(1_000, 3);
  expect(bucket.take(0)).toBe(false);
  expect(bucket.take(500)).toBe(true);
});

describe('spend', () => {
  test('goes into debt and tells how long to pause', () => {
    const bucket = new TokenBucket(settings, 0);
    expect(bucket.spend(0, 3)).toBe(0);
    expect(bucket.spend(0, 4)).toBe(2_000);
    expect(bucket.spend(1_000, 0)).toBe(1_000);
    expect(bucket.take(2_000, 1)).toBe(false);
    expect(bucket.take(2_500, 1)).toBe(true);
  });
});

test('over any time it gives at most its burst and its rate', () => {
  const step = fc.record({ ms: fc.nat(2_000), count: fc.integer({ min: 1, max: 3 }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const bucket = new TokenBucket(settings, 0);
      let nowMs = 0;
      let taken = 0;
      for (const { ms, count } of steps) {
        nowMs += ms;
        if (bucket.take(nowMs, count)) taken += count;
      }
      expect(taken).toBeLessThanOrEqual(
        settings.burst + (nowMs / 1000) * settings.perSecond + 1e-6,
      );
    }),
  );
});
