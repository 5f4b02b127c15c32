import { beforeEach, expect, test } from 'vitest';

import { MIN_ROUND_MS, ROUND_MS, RoundPace } from '../../../src/daemon/paths/round-pace.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const ROUND_TAKES_MS = 5000;

let clock: ManualClock;
let pace: RoundPace;

beforeEach(() => {
  clock = new ManualClock();
  pace = new RoundPace(clock, seededRandom(7));
});

/** The delays after rounds without an answer in so much time. */
function silentFor(ms: number): number[] {
  const endMs = clock.monotonic() + ms;
  const delays: number[] = [];
  while (clock.monotonic() < endMs) {
    const { delayMs, isBack } = pace.next('silent');
    expect(isBack).toBe(false);
    delays.push(delayMs);
    clock.advance(delayMs + ROUND_TAKES_MS);
  }
  return delays;
}

test('with answers every five minutes, and nothing comes back that was not away', () => {
  for (let n = 0; n < 20; n++) {
    const { delayMs, isBack } = pace.next('answered');
    expect(delayMs).toBeGreaterThanOrEqual(0.75 * ROUND_MS);
    expect(delayMs).toBeLessThanOrEqual(1.25 * ROUND_MS);
    expect(isBack).toBe(false);
  }
});

test('servers that never answered are asked less and less', () => {
  const delays = silentFor(60 * 60_000);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(MIN_ROUND_MS);
  expect(delays.length).toBeLessThan(60);
  expect(pace.next('answered').isBack).toBe(false);
});

test('servers that do not answer any more are asked every 8 s for 10 minutes, and then as seldom', () => {
  pace.next('answered');
  const delays = silentFor(10 * 60_000);
  expect(new Set(delays)).toEqual(new Set([3000]));
  expect(silentFor(60 * 60_000).length).toBeLessThan(60);
  expect(pace.next('answered').isBack).toBe(true);
  expect(pace.next('answered').isBack).toBe(false);
});

test('nobody to ask is no answer; nothing is back where everything was forgotten', () => {
  pace.next('nobody_to_ask');
  silentFor(60_000);
  expect(pace.next('answered').isBack).toBe(false);
  silentFor(60_000);
  pace.forget();
  expect(pace.next('answered').isBack).toBe(false);
});
