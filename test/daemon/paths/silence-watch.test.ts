import { expect, test } from 'vitest';

import { randomFraction } from '../../../src/base/random.ts';
import { SilenceWatch } from '../../../src/daemon/paths/silence-watch.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

function setUp(): { clock: ManualClock; told: number[]; watch: SilenceWatch } {
  const clock = new ManualClock();
  const told: number[] = [];
  const watch = new SilenceWatch(clock, 500, () => told.push(clock.monotonic()));
  return { clock, told, watch };
}

test('half a second after the first thing sent since the last one heard, however much is sent', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { clock, told, watch } = setUp();
    const random = seededRandom(seed);
    const lastHeardMs = Math.floor(2000 * randomFraction(random));
    for (let ms = 0; ms < lastHeardMs; ms += 10) {
      watch.sent();
      clock.advance(10);
      watch.heard();
    }
    const sinceMs = clock.monotonic();
    while (told.length === 0 && clock.monotonic() < 5000) {
      watch.sent();
      clock.advance(10);
    }
    expect(told).toEqual([sinceMs + 500]);
    expect(clock.pendingTimers).toBe(0);
  }
});

test('as long as it lasts it is told again, if something is sent', () => {
  const { clock, told, watch } = setUp();
  watch.sent();
  clock.advance(10_000);
  expect(told).toEqual([500]);
  watch.sent();
  clock.advance(10_000);
  expect(told).toEqual([500, 10_500]);
});

test('who is answered, or says nothing, is not silent; a stopped one tells nothing', () => {
  const { clock, told, watch } = setUp();
  watch.heard();
  watch.sent();
  clock.advance(499);
  watch.heard();
  clock.advance(5000);
  watch.sent();
  watch.stop();
  clock.advance(5000);
  expect([told, clock.pendingTimers]).toEqual([[], 0]);
});
