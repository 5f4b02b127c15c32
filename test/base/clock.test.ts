import { expect, test } from 'vitest';

import { every } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('every: again and again until cancelled', () => {
  const clock = new ManualClock();
  const at: number[] = [];
  const cancel = every(clock, 100, () => at.push(clock.monotonic()));
  clock.advance(350);
  expect(at).toEqual([100, 200, 300]);
  cancel();
  cancel();
  clock.advance(1_000);
  expect(at).toHaveLength(3);
  expect(clock.pendingTimers).toBe(0);
});

test('every: cancelled from within', () => {
  const clock = new ManualClock();
  let runs = 0;
  const cancel = every(clock, 100, () => {
    runs += 1;
    cancel();
  });
  clock.advance(1_000);
  expect([runs, clock.pendingTimers]).toEqual([1, 0]);
});

test('every: one run that throws does not end it', () => {
  const clock = new ManualClock();
  let runs = 0;
  every(clock, 100, () => {
    runs += 1;
    if (runs === 1) throw new Error('once');
  });
  expect(() => {
    clock.advance(100);
  }).toThrow('once');
  clock.advance(100);
  expect(runs).toBe(2);
});

test('the manual clock fires in order of time, then of arming, also what is armed on the way', () => {
  const clock = new ManualClock(5_000);
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name}@${clock.monotonic()}`);
  clock.after(20, note('b'));
  clock.after(10, note('a'));
  clock.after(20, note('c'));
  clock.after(15, () => clock.after(5, note('d')));
  clock.after(0, note('z'));
  const cancel = clock.after(12, note('never'));
  cancel();
  cancel();
  clock.advance(20);
  expect(fired).toEqual(['z@0', 'a@10', 'b@20', 'c@20', 'd@20']);
  expect(clock.now()).toBe(5_020);
});

test('the system clock: times pass, timers fire once, cancelled ones do not', async () => {
  const before = systemClock.monotonic();
  const fired: string[] = [];
  systemClock.after(0, () => fired.push('cancelled'))();
  await new Promise<void>((resolve) => {
    systemClock.after(1, resolve);
  });
  expect(fired).toEqual([]);
  expect(systemClock.monotonic()).toBeGreaterThan(before);
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
});
