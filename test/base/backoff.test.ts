import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Backoff, backoffDelay } from '../../src/base/backoff.ts';
import { seededRandom } from '../support/seeded-random.ts';

const settings = { initialMs: 1_000, maxMs: 10_000, multiplier: 2, jitter: false };
const lowest = (length: number): Uint8Array => new Uint8Array(length);
const highest = (length: number): Uint8Array => new Uint8Array(length).fill(255);

test('without jitter: doubled each time up to the ceiling', () => {
  const backoff = new Backoff(settings, lowest);
  expect(backoff.ceilingMs).toBe(1_000);
  const delays = Array.from({ length: 6 }, () => backoff.next());
  expect(backoff.ceilingMs).toBe(10_000);
  expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  expect(backoff.failures).toBe(6);
});

test('reset begins again', () => {
  const backoff = new Backoff(settings, lowest);
  backoff.next();
  backoff.next();
  backoff.reset();
  expect(backoff.failures).toBe(0);
  expect(backoff.next()).toBe(1_000);
});

describe('full jitter', () => {
  const jittered = { ...settings, jitter: true };
  test('reaches from 0 to the ceiling', () => {
    expect(backoffDelay(jittered, 1, lowest)).toBe(0);
    expect(backoffDelay(jittered, 1, highest)).toBe(2_000);
  });

  test('is spread over all of it', () => {
    const random = seededRandom(20);
    const delays = Array.from({ length: 400 }, () => backoffDelay(jittered, 3, random));
    for (const part of [0, 1, 2, 3]) {
      const within = delays.filter((ms) => ms >= part * 2_000 && ms < (part + 1) * 2_000);
      expect(within.length).toBeGreaterThan(50);
    }
  });
});

test('however many failures, the delay is a number from 0 to the ceiling', () => {
  fc.assert(
    fc.property(fc.nat(5_000), fc.boolean(), fc.integer(), (failures, jitter, seed) => {
      const delay = backoffDelay({ ...settings, jitter }, failures, seededRandom(seed));
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(10_000);
    }),
  );
});
