import { expect, test } from 'vitest';

import { Deadline } from '../../src/session/deadline.ts';
import { ManualClock } from '../support/manual-clock.ts';

function setUp(): { clock: ManualClock; deadline: Deadline; due: number[] } {
  const clock = new ManualClock();
  const due: number[] = [];
  const deadline = new Deadline(clock, () => due.push(clock.monotonic()));
  return { clock, deadline, due };
}

test('is due once, at its time', () => {
  const { clock, deadline, due } = setUp();
  deadline.setIn(100);
  expect(deadline.isSet).toBe(true);
  clock.advance(500);
  expect(due).toEqual([100]);
  expect(deadline.isSet).toBe(false);
});

test('can be put off a thousand times with one timer', () => {
  const { clock, deadline, due } = setUp();
  for (let i = 0; i < 1000; i++) {
    deadline.setIn(100);
    clock.advance(1);
    expect(clock.pendingTimers).toBe(1);
  }
  clock.advance(500);
  expect(due).toEqual([1099]);
});

test('can be brought forward and cleared', () => {
  const { clock, deadline, due } = setUp();
  deadline.setIn(100);
  deadline.setIn(10);
  clock.advance(10);
  expect(due).toEqual([10]);
  deadline.setIn(10);
  deadline.clear();
  expect(clock.pendingTimers).toBe(0);
  clock.advance(100);
  expect(due).toEqual([10]);
});

test('may be set again when it is due', () => {
  const clock = new ManualClock();
  let times = 0;
  const deadline = new Deadline(clock, () => {
    times += 1;
    if (times < 3) deadline.setIn(10);
  });
  deadline.setIn(10);
  clock.advance(100);
  expect(times).toBe(3);
});

test('unset keeps its timer for the next time, and is not due', () => {
  const { clock, deadline, due } = setUp();
  deadline.setIn(100);
  deadline.unset();
  expect(deadline.isSet).toBe(false);
  clock.advance(50);
  deadline.setIn(100);
  expect(clock.pendingTimers).toBe(1);
  clock.advance(200);
  expect(due).toEqual([150]);
  deadline.setIn(100);
  deadline.unset();
  clock.advance(200);
  expect(due).toEqual([150]);
  expect(clock.pendingTimers).toBe(0);
});
