import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { utf8 } from '../../../src/base/bytes.ts';
import { type NewMessage, Outbox } from '../../../src/daemon/messages/outbox.ts';
import { PeerQueue } from '../../../src/daemon/messages/peer-queue.ts';
import { newUuid } from '../../../src/daemon/messages/uuid-bytes.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const ALICE = 'aa'.repeat(32);
const BOB = 'bb'.repeat(32);

let clock: ManualClock;
let storage: MemoryStorage;
let changes: string[];
const random = seededRandom(7);
beforeEach(() => {
  clock = new ManualClock();
  storage = new MemoryStorage();
  changes = [];
});

function open(limits = { maxMessages: 10, maxBytes: 1000 }): Outbox {
  return new Outbox({
    storage,
    clock,
    limits,
    whyExpired: () => 'expired: no direct path',
    changed: (entry) => {
      changes.push(entry.reason === '' ? entry.state : `${entry.state}: ${entry.reason}`);
    },
  });
}

function message(text: string, more: Partial<NewMessage> = {}): NewMessage {
  return {
    id: newUuid(clock, random),
    correlationId: newUuid(clock, random),
    replyTo: '',
    peer: BOB,
    type: 'text',
    payload: utf8(text),
    expiresAtMs: clock.now() + 60_000,
    ...more,
  };
}

const queued = (outbox: Outbox, peer = BOB): string[] =>
  [...(outbox.queueOf(peer) ?? [])].map(({ id }) => id);

test('a message can go out before it is on disk, and its caller knows only after', async () => {
  const outbox = open();
  storage.isHeld = true;
  const { entry, durable } = outbox.add(message('hello'));
  expect(queued(outbox)).toEqual([entry.id]);
  expect(outbox.payloadOf(entry)).toEqual(utf8('hello'));
  let isDurable = false;
  void durable.then(() => {
    isDurable = true;
  });
  await Promise.resolve();
  expect(isDurable).toBe(false);
  storage.release();
  await durable;
  expect(outbox.payloadOf(entry)).toEqual(utf8('hello'));
});

test('what is delivered before it is on disk is never written', async () => {
  const outbox = open();
  storage.isHeld = true;
  const { entry, durable } = outbox.add(message('hello'), 'soon');
  outbox.markDelivered(entry.id, BOB);
  storage.release();
  await durable;
  expect([...storage.entries('outbox'), ...storage.entries('outbox-payloads')]).toEqual([]);
  expect(outbox.find(entry.id)?.state).toBe('delivered');
  expect(outbox).toMatchObject({ size: 0, bytes: 0 });
});

test('a start finds what was on its way, in order, with what was known of it', async () => {
  const before = open();
  const messages = [message('1'), message('2', { peer: ALICE }), message('3'), message('4')];
  const entries = messages.map((m) => before.add(m));
  await Promise.all(entries.map(async ({ durable }) => durable));
  const [first, , third, fourth] = entries.map(({ entry }) => entry);
  if (!first || !third || !fourth) throw new Error('missing');
  before.markSent(first);
  before.markStored([third], 'wss://relay');
  before.countAttempt(fourth, 'inbox_full');
  await storage.commit([]);

  storage = storage.crash();
  const after = open();
  expect(queued(after)).toEqual([first.id, third.id, fourth.id]);
  expect(queued(after, ALICE)).toEqual([messages[1]?.id]);
  expect(after.find(first.id)).toMatchObject({ state: 'queued', attempts: 0 });
  expect(after.find(third.id)).toMatchObject({ state: 'stored', relay: 'wss://relay' });
  expect(after.find(fourth.id)).toMatchObject({ attempts: 1, reason: 'inbox_full' });
  expect(after.size).toBe(4);
  expect(after.add(message('5')).entry.sequence).toBeGreaterThan(fourth.sequence);
});

test('a delivered message leaves no payload, and a history of it', async () => {
  const outbox = open();
  const { entry, durable } = outbox.add(message('hello'));
  await durable;
  expect(outbox.markDelivered(entry.id, ALICE)).toBeUndefined();
  expect(outbox.markDelivered(entry.id, BOB)?.state).toBe('delivered');
  expect(outbox.markDelivered(entry.id, BOB)).toBeUndefined();
  expect(outbox).toMatchObject({ size: 0, bytes: 0 });
  await storage.commit([]);
  expect([...storage.entries('outbox-payloads')]).toEqual([]);
  storage = storage.crash();
  expect(open().find(entry.id)).toMatchObject({ state: 'delivered', bytes: 5 });
});

test('a receipt that is faster than the disk leaves nothing behind', async () => {
  const outbox = open();
  storage.isHeld = true;
  const { entry, durable } = outbox.add(message('hello'));
  outbox.markDelivered(entry.id, BOB);
  storage.release();
  await durable;
  await storage.commit([]);
  expect([...storage.entries('outbox'), ...storage.entries('outbox-payloads')]).toEqual([]);
});

test('the history is bounded', async () => {
  const outbox = open();
  const first = outbox.add(message('first'));
  for (let i = 0; i < 1001; i++) {
    const { entry } = i === 0 ? first : outbox.add(message('x'));
    outbox.markDelivered(entry.id, BOB);
  }
  await storage.commit([]);
  expect(outbox.find(first.entry.id)).toBeUndefined();
  expect([...storage.entries('outbox-history')]).toHaveLength(1000);
});

describe('a full disk', () => {
  test('is told to the sender, and the message is gone', async () => {
    const outbox = open();
    storage.isFull = true;
    const { entry, durable } = outbox.add(message('hello'));
    await expect(durable).rejects.toMatchObject({ code: 'unavailable' });
    expect(outbox).toMatchObject({ size: 0, bytes: 0 });
    expect(outbox.find(entry.id)).toBeUndefined();
    storage.isFull = false;
    await outbox.add(message('again')).durable;
  });

  test('does not lose progress: it is written when there is room', async () => {
    const outbox = open();
    const { entry, durable } = outbox.add(message('hello'));
    await durable;
    storage.isFull = true;
    outbox.markDelivered(entry.id, BOB);
    await expect(storage.commit([])).rejects.toThrow('disk full');
    storage.isFull = false;
    await storage.commit([]);
    storage = storage.crash();
    expect(open()).toMatchObject({ size: 0 });
  });

  test('keeps a dead letter that could not be retried', async () => {
    const outbox = open();
    const { entry, durable } = outbox.add(message('hello'));
    await durable;
    outbox.kill(entry, 'expired');
    storage.isFull = true;
    await expect(outbox.retry(entry.id)).rejects.toMatchObject({ code: 'unavailable' });
    storage.isFull = false;
    expect(outbox.find(entry.id)?.state).toBe('dead');
    expect(outbox).toMatchObject({ size: 0, bytes: 5 });
    await expect(outbox.retry(entry.id)).resolves.toMatchObject({ state: 'queued' });
  });

  test.each(['delivered', 'dropped'])(
    'does not bring back a dead letter that was sent again and %s meanwhile',
    async (fate) => {
      const outbox = open();
      const { entry, durable } = outbox.add(message('hello'));
      await durable;
      outbox.kill(entry, 'expired');
      await storage.commit([]);
      storage.isFull = true;
      const retried = outbox.retry(entry.id);
      if (fate === 'delivered') outbox.markDelivered(entry.id, BOB);
      else await expect(outbox.drop(entry.id)).rejects.toMatchObject({ code: 'unavailable' });
      await retried;
      storage.isFull = false;
      await storage.commit([]);
      storage = storage.crash();
      const after = open();
      expect(after).toMatchObject({ size: 0, bytes: 0 });
      expect(after.list()).toEqual([]);
    },
  );
});

describe('bounds', () => {
  test('too many messages', () => {
    const outbox = open({ maxMessages: 2, maxBytes: 1000 });
    outbox.add(message('1'));
    outbox.add(message('2'));
    expect(() => outbox.add(message('3'))).toThrow('the outbox is full');
  });

  test('too many bytes', () => {
    const outbox = open({ maxMessages: 10, maxBytes: 9 });
    outbox.add(message('12345'));
    expect(() => outbox.add(message('12345'))).toThrow('the outbox is full');
    outbox.add(message('1234'));
  });

  test('dead letters make room, oldest first, but only where that helps', () => {
    const outbox = open({ maxMessages: 3, maxBytes: 100 });
    const entries = ['1', '2', '3'].map((text) => outbox.add(message(text)).entry);
    outbox.killAll(BOB, 'untrusted');
    expect(outbox.list()).toHaveLength(3);
    expect(() => outbox.add(message('x'.repeat(101)))).toThrow('the outbox is full');
    expect(outbox.list()).toHaveLength(3);
    outbox.add(message('4'));
    expect(outbox.list().map(({ state }) => state)).toEqual(['dead', 'dead', 'queued']);
    expect(outbox.find(entries[0]?.id ?? '')).toBeUndefined();
  });
});

describe('dead letters', () => {
  test('expiry makes them, and keeps the order of the others', () => {
    const outbox = open();
    outbox.add(message('1', { expiresAtMs: clock.now() + 1000 }));
    const { entry } = outbox.add(message('2'));
    outbox.expire();
    expect(queued(outbox)).toHaveLength(2);
    clock.advance(1000);
    outbox.expire();
    expect(queued(outbox)).toEqual([entry.id]);
    expect(changes).toContain('dead: expired: no direct path');
  });

  test('a retry puts one at the end of the queue, with its whole life before it', async () => {
    const outbox = open();
    const { entry, durable } = outbox.add(message('1'));
    const other = outbox.add(message('2'));
    await durable;
    outbox.kill(entry, 'inbox_full');
    clock.advance(50_000);
    const again = await outbox.retry(entry.id);
    expect(again).toMatchObject({ state: 'queued', attempts: 0, reason: '' });
    expect(again.expiresAtMs).toBe(clock.now() + 60_000);
    expect(queued(outbox)).toEqual([other.entry.id, entry.id]);
    expect(outbox.payloadOf(again)).toEqual(utf8('1'));
    await expect(outbox.retry(entry.id)).rejects.toMatchObject({ code: 'conflict' });
    await expect(outbox.retry('nothing')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a late receipt makes one delivered', () => {
    const outbox = open();
    const { entry } = outbox.add(message('1'));
    outbox.kill(entry, 'expired');
    expect(outbox.markDelivered(entry.id, BOB)?.state).toBe('delivered');
    expect(outbox.list()).toEqual([]);
  });

  test('a drop ends a message in any state', async () => {
    const outbox = open();
    const { entry } = outbox.add(message('1'));
    await expect(outbox.drop(entry.id)).resolves.toMatchObject({
      state: 'dead',
      reason: 'dropped',
    });
    expect(queued(outbox)).toEqual([]);
    expect(outbox.find(entry.id)).toMatchObject({ state: 'dead', reason: 'dropped' });
    await expect(outbox.drop(entry.id)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('survive a restart', async () => {
    const outbox = open();
    const { entry, durable } = outbox.add(message('1'));
    await durable;
    outbox.kill(entry, 'too_large');
    await storage.commit([]);
    storage = storage.crash();
    const after = open();
    expect(after.size).toBe(0);
    expect(after.find(entry.id)).toMatchObject({ state: 'dead', reason: 'too_large' });
    await expect(after.retry(entry.id)).resolves.toMatchObject({ state: 'queued' });
  });
});

test('a message that was sent waits again, one that is stored stays so', () => {
  const outbox = open();
  const [first, second] = [outbox.add(message('1')).entry, outbox.add(message('2')).entry];
  outbox.markSent(first);
  outbox.markStored([second], 'wss://relay');
  outbox.markQueued(first, 'the session ended');
  outbox.markQueued(second, 'the session ended');
  expect(first).toMatchObject({ state: 'queued', reason: 'the session ended' });
  expect(second.state).toBe('stored');
});

test('a queue gives what comes after any number, whatever was removed', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(199), { maxLength: 250 }), fc.nat(200), (removals, from) => {
      const outbox = open({ maxMessages: 1000, maxBytes: 1000 });
      const entries = Array.from({ length: 200 }, () => outbox.add(message('')).entry);
      const queue = new PeerQueue();
      entries.forEach((entry) => {
        queue.push(entry);
      });
      const left = new Set(entries);
      for (const at of removals) {
        const entry = entries[at];
        if (entry === undefined) continue;
        queue.remove(entry);
        left.delete(entry);
      }
      expect([...queue]).toEqual([...left]);
      expect(queue.size).toBe(left.size);
      expect(queue.after(from)).toBe([...left].find(({ sequence }) => sequence > from));
    }),
    { numRuns: 50 },
  );
});
