import { expect, test } from 'vitest';

import { Reopening } from '../../../src/daemon/tunnels/reopening.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const RETRY_MS = 10_000;

/** Something that fails with the words that are left in `failures`, then opens. */
function reopening(failures: string[]) {
  const clock = new ManualClock();
  let tries = 0;
  const opening = new Reopening(clock, async () => {
    tries += 1;
    const words = failures.shift();
    return words === undefined ? Promise.resolve() : Promise.reject(new Error(words));
  });
  /** Time passes, and what was tried in it comes to its end. */
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, opening, advance, tries: () => tries };
}

test('what opens at once is not opened again', async () => {
  const { clock, opening, tries } = reopening([]);
  expect(opening.error).toBe('it was not tried yet');
  await opening.keepTrying();
  expect([opening.error, tries(), clock.pendingTimers]).toEqual(['', 1, 0]);
});

test('every 10 s until it works; the error is always that of the last time', async () => {
  const { clock, opening, advance, tries } = reopening(['taken', 'no address']);
  const told: unknown[] = [];
  await opening.keepTrying((error) => told.push(error));
  expect([opening.error, tries()]).toEqual(['taken', 1]);
  await advance(RETRY_MS - 1);
  expect(tries()).toBe(1);
  await advance(1);
  expect([opening.error, tries()]).toEqual(['no address', 2]);
  await advance(RETRY_MS);
  expect([opening.error, tries(), clock.pendingTimers]).toEqual(['', 3, 0]);
  expect(told).toMatchObject([{ message: 'taken' }]);
});

test('an hour without success is 360 tries, one after the other', async () => {
  const { clock, opening, advance, tries } = reopening(Array<string>(1000).fill('taken'));
  await opening.keepTrying();
  for (let i = 0; i < 360; i++) {
    await advance(RETRY_MS);
    expect(clock.pendingTimers).toBe(1);
  }
  expect(tries()).toBe(361);
});

test('once is once: the caller gets the error, nothing is tried later', async () => {
  const { clock, opening } = reopening(['taken']);
  await expect(opening.now()).rejects.toThrow('taken');
  expect([opening.error, clock.pendingTimers]).toEqual(['taken', 0]);
});

test('stopped, it tries no more, also when it is in the middle of a try', async () => {
  const waiting = reopening(['taken', 'taken']);
  await waiting.opening.keepTrying();
  waiting.opening.stop();
  expect(waiting.clock.pendingTimers).toBe(0);

  const trying = reopening(['taken']);
  const first = trying.opening.keepTrying();
  trying.opening.stop();
  await first;
  await trying.advance(RETRY_MS);
  expect([trying.tries(), trying.clock.pendingTimers]).toEqual([1, 0]);
});
