import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { withProgress } from '../../src/cli/progress.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function terminal(isTTY: boolean): {
  stderr: PassThrough & { isTTY: boolean };
  text: () => string;
} {
  const stderr = Object.assign(new PassThrough(), { isTTY });
  return { stderr, text: () => String((stderr.read() as Buffer | null) ?? '') };
}

test('after a second it says what it waits for and how long, and wipes that away', async () => {
  const { stderr, text } = terminal(true);
  const work = new Promise<string>((resolve) => setTimeout(resolve, 3500, 'done'));
  const result = withProgress({ stderr }, 'waiting for bob', work);
  await vi.advanceTimersByTimeAsync(999);
  expect(text()).toBe('');
  await vi.advanceTimersByTimeAsync(1);
  expect(text()).toBe('\r\u001b[Kwaiting for bob … 1 s');
  await vi.advanceTimersByTimeAsync(2500);
  await expect(result).resolves.toBe('done');
  expect(text()).toBe('\r\u001b[Kwaiting for bob … 2 s\r\u001b[Kwaiting for bob … 3 s\r\u001b[K');
  expect(vi.getTimerCount()).toBe(0);
});

test('a failure wipes it away too', async () => {
  const { stderr, text } = terminal(true);
  const work = new Promise((_, reject) => setTimeout(reject, 1500, new Error('no')));
  const result = withProgress({ stderr }, 'x', work).catch(String);
  await vi.advanceTimersByTimeAsync(1500);
  await expect(result).resolves.toBe('Error: no');
  expect(text()).toMatch(/\r\u001b\[K$/);
  expect(vi.getTimerCount()).toBe(0);
});

test('nothing when it is quick, and nothing where no person looks', async () => {
  const quick = terminal(true);
  await withProgress(quick, 'x', Promise.resolve(1));
  expect(quick.text()).toBe('');
  const pipe = terminal(false);
  const work = new Promise((resolve) => setTimeout(resolve, 5000));
  const result = withProgress(pipe, 'x', work);
  await vi.advanceTimersByTimeAsync(5000);
  await result;
  expect(pipe.text()).toBe('');
});

test('a terminal that is narrower than the line gets no more than fits: one that wraps cannot be wiped away', async () => {
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 20 });
  const work = new Promise((resolve) => setTimeout(resolve, 1500));
  const result = withProgress({ stderr }, 'looking for a direct path to a-long-hostname', work);
  await vi.advanceTimersByTimeAsync(1000);
  expect(String(stderr.read())).toBe('\r\u001b[Klooking for a direc');
  await vi.advanceTimersByTimeAsync(500);
  await result;
});
