import { expect, test } from 'vitest';

import { DeliveryRate } from '../../src/session/delivery-rate.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** 1,000 bytes every millisecond, and each acknowledged after 20. */
function steady(clock: ManualClock, rate: DeliveryRate, fromMs: number, toMs: number): number[] {
  const samples: number[] = [];
  for (let ms = fromMs; ms < toMs; ms++) {
    rate.sent(ms);
    if (ms >= 20) samples.push(rate.acknowledged(ms - 19, 1000) ?? NaN);
    clock.advance(1);
  }
  return samples;
}

test('is what arrives in a round trip, once the path is full', () => {
  const clock = new ManualClock();
  const samples = steady(clock, new DeliveryRate(clock), 0, 100);
  expect(samples.slice(40).every((sample) => Math.abs(sample - 1000) < 1)).toBe(true);
  expect(Math.max(...samples)).toBeLessThanOrEqual(1001);
});

test('is no greater when acknowledgements are late and come all at once', () => {
  const clock = new ManualClock();
  const rate = new DeliveryRate(clock);
  steady(clock, rate, 0, 100);
  // Nothing below 80 comes for 30 ms; then everything that was sent up to 20 ms before.
  for (let ms = 100; ms < 130; ms++) {
    rate.sent(ms);
    clock.advance(1);
  }
  const sample = rate.acknowledged(111, 31_000);
  expect(sample).toBeGreaterThan(900);
  expect(sample).toBeLessThan(1050);
});

test('is that of the path, not of a sender that pauses', () => {
  const clock = new ManualClock();
  const rate = new DeliveryRate(clock);
  steady(clock, rate, 0, 100);
  clock.advance(20);
  expect(rate.acknowledged(100, 20_000)).toBeLessThan(1001);
  clock.advance(60_000);
  rate.sent(100);
  clock.advance(20);
  expect(rate.acknowledged(101, 1000)).toBe(50);
});

test('an acknowledgement of nothing that is under way says nothing', () => {
  const clock = new ManualClock();
  const rate = new DeliveryRate(clock);
  expect(rate.acknowledged(5, 1000)).toBeUndefined();
  rate.sent(7);
  clock.advance(10);
  expect(rate.acknowledged(7, 1000)).toBeUndefined();
  rate.restart();
  expect(rate.acknowledged(8, 1000)).toBeUndefined();
});

test('time that does not pass makes no endless rate', () => {
  const rate = new DeliveryRate(new ManualClock());
  rate.sent(0);
  expect(Number.isFinite(rate.acknowledged(1, 1000))).toBe(true);
});
