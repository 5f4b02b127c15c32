import { EventEmitter, on } from 'node:events';
import { setImmediate } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import { InboxWatch } from '../../../src/cli/mcp/inbox-watch.ts';
import { PilotClient } from '../../../src/client/client.ts';
import { FakeDaemon } from '../../client/fake-daemon.ts';
import { incoming } from '../../client/fake-nodes.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';

let daemon: FakeDaemon;
let client: PilotClient;
let clock: ManualClock;
let watch: InboxWatch;
let changes: number;
let notices: string[];

beforeEach(async () => {
  daemon = await new FakeDaemon().start();
  client = new PilotClient({ socketPath: daemon.socketPath });
  clock = new ManualClock();
  changes = 0;
  notices = [];
  watch = new InboxWatch({
    ...{ client, clock, random: seededRandom(8) },
    changed: () => (changes += 1),
    notice: (line) => notices.push(line),
  });
});

afterEach(async () => {
  watch.stop();
  client.close();
  await daemon.stop();
});

test('a message is a change at once; a burst is one more', async () => {
  const events = new EventEmitter();
  watch = new InboxWatch({
    ...{ clock, random: seededRandom(8), changed: () => (changes += 1) },
    client: {
      subscribe: async (_types, { signal }) => Promise.resolve(on(events, 'x', { signal })),
    },
    notice: (line) => notices.push(line),
  });
  await watch.start();
  events.emit('x');
  await expect.poll(() => changes).toBe(1);
  for (let i = 0; i < 1000; i++) events.emit('x');
  // What is emitted is read in this turn of the event loop.
  await setImmediate();
  clock.advance(499);
  expect(changes).toBe(1);
  clock.advance(1);
  expect(changes).toBe(2);
  clock.advance(10_000);
  expect(changes).toBe(2);
  events.emit('x');
  await expect.poll(() => changes).toBe(3);
});

test('messages of a daemon', async () => {
  await watch.start();
  daemon.emit('message.received', incoming('1', { data: 'x' }));
  await expect.poll(() => changes).toBe(1);
});

test('started twice it reads once; stopped it reads no more', async () => {
  await Promise.all([watch.start(), watch.start()]);
  await expect.poll(() => daemon.subscriberCount).toBe(1);
  watch.stop();
  await expect.poll(() => daemon.subscriberCount).toBe(0);
  expect(clock.pendingTimers).toBe(0);
  await watch.start();
  await expect.poll(() => daemon.subscriberCount).toBe(1);
});

test('a daemon that comes back is a change: something may have come meanwhile', async () => {
  await watch.start();
  await daemon.die();
  await expect.poll(() => clock.pendingTimers).toBe(1);
  expect(notices).toEqual([expect.stringContaining('no news of the inbox for now')]);
  await daemon.start();
  await expect
    .poll(() => {
      clock.advance(5000);
      return changes;
    })
    .toBe(1);
  expect(daemon.subscriberCount).toBe(1);
});

test('without a daemon it starts, tries on ever more slowly, and says so once', async () => {
  let tries = 0;
  const absent = {
    subscribe: async (): Promise<never> => {
      tries += 1;
      return Promise.reject(new PilotError('not_running', 'no daemon'));
    },
  };
  watch = new InboxWatch({
    ...{ client: absent, clock, random: seededRandom(9), changed: () => (changes += 1) },
    notice: (line) => notices.push(line),
  });
  await watch.start();
  for (let tried = 1; tried < 12; tried++) {
    await expect.poll(() => clock.pendingTimers).toBe(1);
    expect(tries).toBe(tried);
    clock.advance(5000);
  }
  await expect.poll(() => clock.pendingTimers).toBe(1);
  expect(notices).toEqual(['no news of the inbox for now: no daemon']);
  const before = tries;
  watch.stop();
  expect(clock.pendingTimers).toBe(0);
  clock.advance(60_000);
  expect({ tries, changes }).toEqual({ tries: before, changes: 0 });
});
