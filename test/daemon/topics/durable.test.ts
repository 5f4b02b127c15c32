import { beforeEach, expect, test, vi } from 'vitest';

import { uuidFromBytes } from '../../../src/daemon/messages/uuid-bytes.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryStorage } from '../store/memory-storage.ts';
import { Broker, DAY_MS, PLACE, Program, Subscriber } from './durable-fixture.ts';

const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: ManualClock;
let bob: Broker;
let alice: Subscriber;
beforeEach(() => {
  clock = new ManualClock();
  bob = new Broker(clock);
  alice = new Subscriber(clock, bob);
});

test('what a program acknowledged does not come again; what it had not, does', async () => {
  const first = await new Program().attach(alice);
  await bob.publish('d/1');
  await bob.publish('d/2');
  await bob.publish('e');
  expect(first.got).toEqual(['d/1', 'd/2']);
  first.acknowledge(1);
  first.attached?.end();
  await bob.publish('d/3');
  expect((await new Program().attach(alice)).got).toEqual(['d/2', 'd/3']);
  expect(alice.inbox.unread).toBe(0);
  expect(alice.mail).toEqual([]);
});

test('it is there after a crash of either side, without the program that made it', async () => {
  const first = await new Program().attach(alice);
  await bob.publish('d/1');
  first.acknowledge(1);
  await settled();
  alice.restart();
  bob.restart();
  await bob.publish('d/2');
  await settled();
  alice.restart();
  await bob.publish('d/3');
  expect((await new Program().attach(alice)).got).toEqual(['d/2', 'd/3']);
});

test('a program has 64 at once; each acknowledgement brings the next', async () => {
  alice = new Subscriber(clock, bob, 1000);
  const program = await new Program().attach(alice);
  for (let i = 0; i < 70; i++) await bob.publish('d/x');
  expect(program.got).toHaveLength(64);
  program.acknowledge(1);
  expect(program.got).toHaveLength(65);
  program.acknowledge(1000);
  expect(program.got).toHaveLength(70);
  expect(alice.inbox.size).toBe(5);
});

test('events take half of the inbox; beyond that the oldest go, counted also over a crash', async () => {
  const program = await new Program().attach(alice);
  program.attached?.end();
  for (let i = 1; i <= 5; i++) await bob.publish(`d/${i}`);
  expect(alice.inbox.size).toBe(3);
  await settled();
  alice.restart();
  expect((await new Program().attach(alice)).got).toEqual(['dropped 2 d/3', 'd/4', 'd/5']);
});

test('what the broker has no room for is counted before the next one', async () => {
  const program = await new Program().attach(alice);
  bob.isFull = true;
  await bob.publish('d/1');
  await bob.publish('d/2');
  bob.isFull = false;
  await bob.publish('d/3');
  expect(program.got).toEqual(['dropped 2 d/3']);
});

test('one reader at a time, and none that left before the broker answered', async () => {
  const program = await new Program().attach(alice);
  await expect(new Program().attach(alice)).rejects.toMatchObject({ code: 'already_exists' });
  program.attached?.end();
  const silent = async (): Promise<number> => new Promise(() => undefined);
  vi.spyOn(bob.subscribers, 'keep').mockImplementationOnce(silent);
  const waiting = new Program();
  void waiting.attach(alice);
  await settled();
  waiting.leave();
  await expect(new Program().attach(alice)).resolves.toBeDefined();
});

test('a broker that is away: an error the first time; later it is asked until it answers', async () => {
  bob.isAway = true;
  await expect(new Program().attach(alice)).rejects.toMatchObject({ code: 'connection_failed' });
  bob.isAway = false;
  const first = await new Program().attach(alice);
  await bob.publish('d/1');
  first.attached?.end();
  await settled();
  alice.restart();
  bob.isAway = true;
  const program = await new Program().attach(alice);
  expect(program.got).toEqual(['d/1']);
  // It lost its disk meanwhile.
  bob.restart(new MemoryStorage());
  bob.isAway = false;
  clock.advance(60_000);
  await settled();
  expect(program.got).toEqual(['d/1', 'gap']);
  await bob.publish('d/2');
  expect(program.got).toEqual(['d/1', 'gap', 'd/2']);
});

test('the broker ends what nobody asked for again within a week; a reader asks every day', async () => {
  const program = await new Program().attach(alice);
  for (let day = 0; day < 10; day++) {
    clock.advance(DAY_MS);
    await settled();
  }
  expect(await bob.publish('d/1')).toBe(1);
  program.attached?.end();
  clock.advance(7 * DAY_MS);
  await bob.publish('d/2');
  expect(await bob.publish('d/3')).toBe(0);
  expect((await new Program().attach(alice)).got).toEqual(['gap', 'd/1']);
});

test('a peer that is not trusted any more gets nothing', async () => {
  const program = await new Program().attach(alice);
  bob.isTrusted = false;
  await bob.publish('d/1');
  expect(program.got).toEqual([]);
  bob.isTrusted = true;
  expect(await bob.publish('d/2')).toBe(0);
});

test('forgotten: its reader is told, and what was under way is no message for people', async () => {
  const program = await new Program().attach(alice);
  let late: [string, Uint8Array] | undefined;
  const { deliver } = bob;
  bob.deliver = (id, payload) => {
    late = [uuidFromBytes(id), payload];
  };
  await bob.publish('d/1');
  await alice.events.forget(PLACE);
  expect(program.error).toMatchObject({ code: 'not_found' });
  expect(await bob.publish('d/2')).toBe(0);
  bob.deliver = deliver;
  alice.restart();
  alice.take(...(late ?? ['', new Uint8Array()]));
  await settled();
  expect(alice.mail).toEqual([]);
  expect(alice.inbox.size).toBe(0);
  await expect(alice.events.forget(PLACE)).rejects.toMatchObject({ code: 'not_found' });
});

test('bounds: 64 subscriptions of one peer', async () => {
  const asked = Array.from({ length: 65 }, async (_, i) =>
    new Program().attach(alice, { target: 'bob', topic: `t/${i}` }),
  );
  const outcomes = await Promise.allSettled(asked);
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  expect(refused).toMatchObject([{ reason: { code: 'unavailable' } }]);
  await expect(new Program().attach(alice, { target: 'self', topic: 'a' })).rejects.toMatchObject({
    code: 'not_supported',
  });
});

test('a message that is no event at all ends with nothing to deliver, and is acknowledged', async () => {
  const program = await new Program().attach(alice);
  let id = '';
  bob.deliver = (of) => {
    id = uuidFromBytes(of);
  };
  await bob.publish('d/1');
  alice.take(id, Uint8Array.of(0xff, 0xff));
  expect(program.got).toEqual(['']);
  program.acknowledge(1);
  expect(alice.inbox.size).toBe(0);
});

test('forgotten while its broker is asked for it: it does not come back after a crash', async () => {
  let answer: (known: number) => void = () => undefined;
  bob.subscribers.keep = async () => new Promise((resolve) => (answer = resolve));
  const attaching = new Program().attach(alice);
  await settled();
  await alice.events.forget(PLACE);
  answer(0);
  await attaching;
  await settled();
  alice.restart();
  await expect(alice.events.forget(PLACE)).rejects.toMatchObject({ code: 'not_found' });
});
