import { expect, test } from 'vitest';

import type { Clock } from '../../src/base/clock.ts';
import { watchForWake } from '../../src/daemon/wake-detector.ts';
import { ManualClock } from '../support/manual-clock.ts';

function setUp(): {
  clock: ManualClock;
  gaps: number[];
  jump: (ms: number) => void;
  stop: () => void;
} {
  const clock = new ManualClock();
  const gaps: number[] = [];
  let skewMs = 0;
  const skewed: Clock = {
    now: () => clock.now() + skewMs,
    monotonic: () => clock.monotonic(),
    after: (ms, run) => clock.after(ms, run),
  };
  const stop = watchForWake(skewed, (gapMs) => gaps.push(gapMs));
  return { clock, gaps, jump: (ms) => (skewMs += ms), stop };
}

test.each([
  ['a sleep of an hour', 3_600_000, [3_600_000]],
  ['a clock set back', -60_000, [-60_000]],
  ['a busy moment', 9000, []],
])('%s', (_what, jumpMs, expected) => {
  const { clock, gaps, jump } = setUp();
  clock.advance(62_000);
  jump(jumpMs);
  clock.advance(60_000);
  expect(gaps).toEqual(expected);
});

test('it stops', () => {
  const { clock, gaps, jump, stop } = setUp();
  stop();
  jump(3_600_000);
  clock.advance(60_000);
  expect(gaps).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});
