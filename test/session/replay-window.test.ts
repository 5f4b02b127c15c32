import fc from 'fast-check';
import { expect, test } from 'vitest';

import { REPLAY_WINDOW_BITS, ReplayWindow } from '../../src/session/replay-window.ts';

function marked(...counters: readonly number[]): ReplayWindow {
  const window = new ReplayWindow();
  for (const counter of counters) window.mark(counter);
  return window;
}

test('takes each counter once', () => {
  const window = marked(0, 1, 5);
  expect([0, 1, 2, 3, 4, 5, 6].map((counter) => window.isFresh(counter))).toEqual([
    ...[false, false, true, true, true, false, true],
  ]);
});

test('takes what is late by less than its width, and nothing older', () => {
  const window = marked(5000);
  expect(window.isFresh(5001 - REPLAY_WINDOW_BITS)).toBe(true);
  expect(window.isFresh(5000 - REPLAY_WINDOW_BITS)).toBe(false);
});

test('a jump far ahead forgets everything before it', () => {
  const window = marked(3, 2 ** 40);
  expect(window.isFresh(3)).toBe(false);
  expect(window.isFresh(2 ** 40)).toBe(false);
  expect(window.isFresh(2 ** 40 - 1)).toBe(true);
});

test('agrees with a set of all counters ever seen', () => {
  const step = fc.oneof(
    fc.integer({ min: -2100, max: 100 }),
    fc.integer({ min: -3, max: 3 }),
    fc.integer({ min: 0, max: 5000 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let newest = -1;
      for (const by of steps) {
        const counter = Math.max(0, newest + by);
        const isFresh = !seen.has(counter) && counter > newest - REPLAY_WINDOW_BITS;
        expect(window.isFresh(counter)).toBe(isFresh);
        if (!isFresh) continue;
        window.mark(counter);
        seen.add(counter);
        newest = Math.max(newest, counter);
      }
    }),
  );
});
