import { beforeEach, expect, test } from 'vitest';

import { randomFraction } from '../../../src/base/random.ts';
import {
  FAST_AFTER_MS,
  LatencyWatch,
  SLOW_AFTER_MS,
} from '../../../src/daemon/paths/latency-watch.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const STEP_MS = 1000;
let clock: ManualClock;
let watch: LatencyWatch;

beforeEach(() => {
  clock = new ManualClock();
  watch = new LatencyWatch(clock, 100);
});

/** How often the state changed while this was measured for so long. */
function changes(rttMs: () => number, ms: number): number {
  let count = 0;
  for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
    if (watch.sample(rttMs())) count++;
    clock.advance(STEP_MS);
  }
  return count;
}

test('slow after ten seconds above the limit, in time again after thirty well below it', () => {
  expect(changes(() => 101, SLOW_AFTER_MS)).toBe(0);
  expect(changes(() => 101, STEP_MS)).toBe(1);
  expect(watch.isSlow).toBe(true);
  // Below the limit, but not by enough.
  expect(changes(() => 85, 600_000)).toBe(0);
  expect(changes(() => 79, FAST_AFTER_MS)).toBe(0);
  expect(changes(() => 79, STEP_MS)).toBe(1);
  expect(watch.isSlow).toBe(false);
});

test('a moment above the limit is none', () => {
  for (let i = 0; i < 10; i++) {
    expect(changes(() => 500, SLOW_AFTER_MS)).toBe(0);
    expect(changes(() => 50, STEP_MS)).toBe(0);
  }
});

test('whatever is measured, a slow path stays one for half a minute', () => {
  const random = seededRandom(8);
  const bySomeMinutes = (): number =>
    Math.floor(clock.monotonic() / 45_000) % 2 === 0 ? 300 * randomFraction(random) : 150;
  expect(changes(bySomeMinutes, 3_600_000)).toBeLessThan(3_600_000 / FAST_AFTER_MS);
});

test('without a path there is nothing that is slow', () => {
  expect(watch.reset()).toBe(false);
  changes(() => 500, 2 * SLOW_AFTER_MS);
  expect(watch.reset()).toBe(true);
  expect(watch.isSlow).toBe(false);
});
