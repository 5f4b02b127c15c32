import { expect, test } from 'vitest';

import { type BackloggedStream, SendBacklog } from '../../../src/daemon/pilot-ipc/send-backlog.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function backlogOf(count: number): {
  clock: ManualClock;
  backlog: SendBacklog;
  streams: BackloggedStream[];
  abandoned: number[];
} {
  const clock = new ManualClock();
  const abandoned: number[] = [];
  const streams = Array.from({ length: count }, (_, i) => ({
    abandon: () => void abandoned.push(i),
  }));
  return { clock, backlog: new SendBacklog(clock), streams, abandoned };
}

test.each([
  [0, 4096],
  [1, 4081],
  [1000, 835],
  [1_048_320, 1],
])('Sends of %d bytes: %d of them are a MiB, over however many streams', (length, count) => {
  const { backlog, streams } = backlogOf(count);
  for (const stream of streams) {
    expect(backlog.isFull).toBe(false);
    backlog.add(stream, length);
  }
  expect(backlog.isFull).toBe(true);
  const [first] = streams;
  expect(first && backlog.remove(first, length)).toBe(true);
  expect(backlog.isFull).toBe(false);
});

test('a full one is waited for two minutes, anew whenever a stream has taken all', () => {
  const { clock, backlog, streams, abandoned } = backlogOf(3);
  const [fast, slow, dead] = streams as [BackloggedStream, BackloggedStream, BackloggedStream];
  for (const stream of [slow, slow, dead]) backlog.add(stream, 1_000_000);
  backlog.add(fast, 1);
  expect(backlog.isFull).toBe(true);
  clock.advance(119_000);
  expect(backlog.remove(slow, 1_000_000)).toBe(false);
  expect(backlog.remove(fast, 1)).toBe(true);
  expect(backlog.isFull).toBe(true);
  clock.advance(119_999);
  expect(abandoned).toEqual([]);
  clock.advance(1);
  expect(abandoned).toEqual([1, 2]);
});

test('what leaves after the client has gone is not counted', () => {
  const { clock, backlog, streams } = backlogOf(1);
  const [stream] = streams as [BackloggedStream];
  backlog.add(stream, 2_000_000);
  expect(backlog.isFull).toBe(true);
  backlog.clear();
  expect([backlog.isFull, clock.pendingTimers]).toEqual([false, 0]);
  expect(backlog.remove(stream, 2_000_000)).toBe(false);
  expect(backlog.isFull).toBe(false);
});
