import { beforeEach, expect, test } from 'vitest';

import { GroupCommit, type Job } from '../../../src/daemon/store/group-commit.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let groups: string[];
let finish: () => void;
let group: GroupCommit;
const names = new Map<Job, string>();

beforeEach(() => {
  clock = new ManualClock();
  groups = [];
  group = new GroupCommit(clock, async (jobs) => {
    groups.push(jobs.map((job) => names.get(job) ?? 'owed').join(' '));
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
  });
});

function job(name: string): Job {
  const caller = { resolve: () => undefined, reject: () => undefined };
  const made: Job = { writes: [], caller };
  names.set(made, name);
  return made;
}

async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
}

async function finished(): Promise<void> {
  finish();
  await turn();
}

test('what one turn brings is written together, and what comes meanwhile after it', async () => {
  group.add(job('a'), 'now');
  group.add(job('b'), 'soon');
  group.add({ writes: [] }, 'owed');
  expect(groups).toEqual([]);
  await turn();
  expect(groups).toEqual(['a b owed']);
  group.add(job('c'), 'now');
  group.add(job('d'), 'now');
  await turn();
  expect(groups).toHaveLength(1);
  clock.advance(10);
  await finished();
  expect(groups).toEqual(['a b owed', 'c d']);
  await finished();
  expect(clock.pendingTimers).toBe(0);
});

test('what may wait waits 8 ms, what is owed a second', async () => {
  group.add({ writes: [] }, 'owed');
  group.add(job('a'), 'soon');
  clock.advance(7);
  await turn();
  expect(groups).toEqual([]);
  clock.advance(1);
  await turn();
  expect(groups).toEqual(['owed a']);
  await finished();
  group.add({ writes: [] }, 'owed');
  clock.advance(999);
  await turn();
  expect(groups).toHaveLength(1);
  clock.advance(1);
  await turn();
  expect(groups).toHaveLength(2);
  await finished();
});

test('after a group that many waited for the next one waits for those to ask again', async () => {
  group.add(job('a'), 'now');
  group.add(job('b'), 'now');
  await turn();
  await finished();
  group.add(job('c'), 'now');
  await turn();
  expect(groups).toEqual(['a b']);
  clock.advance(2);
  await turn();
  expect(groups).toEqual(['a b', 'c']);
  await finished();
  group.add(job('d'), 'now');
  await turn();
  expect(groups).toEqual(['a b', 'c', 'd']);
  await finished();
});

test('what is put back comes before what was added since', async () => {
  group.add(job('a'), 'soon');
  group.putBack([]);
  clock.advance(8);
  await turn();
  expect(groups).toEqual(['owed a']);
  await finished();
});

test('closing writes what is there and leaves no timer', async () => {
  group.add(job('a'), 'now');
  await turn();
  group.add({ writes: [] }, 'owed');
  const closed = group.close();
  await finished();
  await finished();
  await closed;
  expect(groups).toEqual(['a', 'owed']);
  expect(clock.pendingTimers).toBe(0);
});
