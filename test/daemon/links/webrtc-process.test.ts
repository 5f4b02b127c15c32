/** A system that starts no more processes, as Node tells of it. */
import { ChildProcess, spawn } from 'node:child_process';

import { expect, onTestFinished, test, vi } from 'vitest';

import { ManualClock } from '../../support/manual-clock.ts';
import { until } from './until.ts';
import { newProcess, WebRtcEnd } from './webrtc-pair.ts';

vi.mock('node:child_process', async (original) => {
  const actual = await original<{ spawn: typeof spawn }>();
  return { ...actual, spawn: vi.fn(actual.spawn) };
});

/** No file descriptors: a child without `stdio`, and the error after that. */
function outOfFiles(): ChildProcess {
  const child = new ChildProcess();
  process.nextTick(() => child.emit('error', new Error('spawn EMFILE')));
  return child;
}

function outOfMemory(): never {
  throw new Error('spawn ENOMEM');
}

test.each([
  ['file descriptors', outOfFiles, 'too many open files'],
  ['memory', outOfMemory, 'ENOMEM'],
])('no %s left: who wants a link is told, and the next one is made', async (_, fail, why) => {
  const clock = new ManualClock();
  const lazy = newProcess(clock);
  onTestFinished(async () => lazy.stop());
  vi.mocked(spawn).mockImplementationOnce(fail);
  expect(() => new WebRtcEnd(lazy, true, clock)).toThrow(
    expect.objectContaining({
      code: 'unavailable',
      message: expect.stringContaining(why) as string,
    }),
  );
  expect(lazy.pid).toBeUndefined();
  const next = new WebRtcEnd(lazy, true, clock);
  await until('a certificate', () => next.fingerprints.length > 0);
  await next.link.close();
  expect(next.ends).toEqual([]);
});
