import { beforeEach, describe, expect, test } from 'vitest';

import { utf8 } from '../../../src/base/bytes.ts';
import type { MessageItem } from '../../../src/daemon/messages/app-message.ts';
import { Inbox } from '../../../src/daemon/messages/inbox.ts';
import { payloadText, previewOf } from '../../../src/daemon/messages/inbox-entry.ts';
import { newUuid } from '../../../src/daemon/messages/uuid-bytes.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const ALICE = 'aa'.repeat(32);
const BOB = 'bb'.repeat(32);
const DAY_MS = 86_400_000;

let clock: ManualClock;
let storage: MemoryStorage;
let received: string[];
const random = seededRandom(11);
beforeEach(() => {
  clock = new ManualClock();
  storage = new MemoryStorage();
  received = [];
});

const open = (limits = { maxMessages: 10, maxBytes: 1000 }): Inbox =>
  new Inbox({ storage, clock, limits, received: ({ preview }) => received.push(preview) });

function item(text: string, more: Partial<MessageItem> = {}): MessageItem {
  return {
    kind: 'message',
    id: newUuid(clock, random),
    correlationId: newUuid(clock, random),
    replyTo: '',
    type: 'text',
    payload: utf8(text),
    sentAtMs: clock.now(),
    expiresAtMs: clock.now() + DAY_MS,
    run: 1,
    ...more,
  };
}

const texts = (inbox: Inbox): string[] => [...inbox.newestFirst()].map(({ preview }) => preview);

test('a message is there once, whether it repeats at once, later, or after a restart', async () => {
  const inbox = open();
  const message = item('hello');
  const answers = await Promise.all([
    inbox.accept(ALICE, message, false),
    inbox.accept(ALICE, message, false),
  ]);
  expect(answers.map(({ kind }) => kind)).toEqual(['stored', 'duplicate']);
  expect(await inbox.accept(ALICE, message, false)).toEqual({ kind: 'duplicate' });
  storage = storage.crash();
  const after = open();
  expect(await after.accept(ALICE, message, false)).toEqual({ kind: 'duplicate' });
  expect(texts(after)).toEqual(['hello']);
  expect(after.find(message.id)).toMatchObject({ sender: ALICE, bytes: 5, isRead: false });
});

test('a message that its sender gave more time is recognised for as much longer', async () => {
  const inbox = open();
  const message = item('hello');
  await inbox.accept(ALICE, message, false);
  clock.advance(DAY_MS / 2);
  const again = { ...message, expiresAtMs: clock.now() + 7 * DAY_MS };
  expect(await inbox.accept(ALICE, again, false)).toEqual({ kind: 'duplicate' });
  expect(await inbox.accept(ALICE, message, false)).toEqual({ kind: 'duplicate' });
  clock.advance(6 * DAY_MS);
  inbox.sweep();
  await storage.commit([]);
  expect(await inbox.accept(ALICE, again, false)).toEqual({ kind: 'duplicate' });
  expect(inbox.correlationOf(ALICE, message.id)).toBe(message.correlationId);
  expect(texts(inbox)).toEqual(['hello']);
});

test('so is one whose longer life was told while the first copy was being written', async () => {
  const inbox = open();
  const message = item('hello');
  const again = { ...message, expiresAtMs: clock.now() + 7 * DAY_MS };
  await Promise.all([inbox.accept(ALICE, message, false), inbox.accept(ALICE, again, false)]);
  clock.advance(6 * DAY_MS);
  inbox.sweep();
  await storage.commit([]);
  expect(await inbox.accept(ALICE, again, false)).toEqual({ kind: 'duplicate' });
});

test('what was removed does not come again', async () => {
  const inbox = open();
  const message = item('hello');
  const accepted = await inbox.accept(ALICE, message, true);
  if (accepted.kind !== 'stored') throw new Error(accepted.kind);
  inbox.remove(accepted.entry);
  inbox.remove(accepted.entry);
  expect(await inbox.accept(ALICE, message, false)).toEqual({ kind: 'duplicate' });
  await storage.commit([]);
  storage = storage.crash();
  expect(open()).toMatchObject({ size: 0, bytes: 0, unread: 0 });
});

test('another sender may use the same id', async () => {
  const inbox = open();
  const message = item('hello');
  await inbox.accept(ALICE, message, false);
  expect(await inbox.accept(BOB, message, false)).toMatchObject({ kind: 'stored' });
  expect(inbox.size).toBe(2);
  expect(inbox.find(message.id)?.sender).toBe(BOB);
});

test('order is that of the accepts', async () => {
  const inbox = open();
  await Promise.all(['1', '2', '3'].map(async (text) => inbox.accept(ALICE, item(text), false)));
  expect(texts(inbox)).toEqual(['3', '2', '1']);
  storage = storage.crash();
  expect(texts(open())).toEqual(['3', '2', '1']);
});

describe('bounds', () => {
  test('messages, also those still being written', async () => {
    const inbox = open({ maxMessages: 2, maxBytes: 100 });
    const answers = await Promise.all(
      ['1', '2', '3'].map(async (text) => inbox.accept(ALICE, item(text), false)),
    );
    expect(answers[2]).toEqual({ kind: 'refused', code: 'inbox_full' });
    await inbox.clear();
    expect(await inbox.accept(ALICE, item('4'), false)).toMatchObject({ kind: 'stored' });
  });

  test('bytes', async () => {
    const inbox = open({ maxMessages: 10, maxBytes: 9 });
    await inbox.accept(ALICE, item('12345'), false);
    const refused = await inbox.accept(ALICE, item('12345'), false);
    expect(refused).toEqual({ kind: 'refused', code: 'inbox_full' });
  });

  test('a reply that somebody waits for needs no room', async () => {
    const inbox = open({ maxMessages: 1, maxBytes: 100 });
    await inbox.accept(ALICE, item('1'), false);
    const reply = await inbox.accept(ALICE, item('2'), true);
    expect(reply.kind).toBe('stored');
  });
});

test('a full disk refuses, forgets nothing and counts nothing', async () => {
  const inbox = open({ maxMessages: 1, maxBytes: 100 });
  const message = item('hello');
  storage.isFull = true;
  const refused = await Promise.all([
    inbox.accept(ALICE, message, false),
    inbox.accept(ALICE, message, false),
  ]);
  const unavailable = { kind: 'refused', code: 'inbox_unavailable' };
  expect(refused).toEqual([unavailable, unavailable]);
  storage.isFull = false;
  expect(await inbox.accept(ALICE, message, false)).toMatchObject({ kind: 'stored' });
});

describe('before a message is on disk', () => {
  test('it can be read and answered; a crash brings it back', async () => {
    storage.isHeld = true;
    const inbox = open();
    const message = item('hello');
    void inbox.accept(ALICE, message, false);
    expect(received).toEqual(['hello']);
    const entry = inbox.find(message.id);
    if (entry === undefined) throw new Error('missing');
    expect(inbox.payloadOf(entry)).toEqual(utf8('hello'));
    expect(inbox.correlationOf(ALICE, message.id)).toBe(message.correlationId);
    storage = storage.crash();
    const after = open();
    expect(after.size).toBe(0);
    expect(await after.accept(ALICE, message, false)).toMatchObject({ kind: 'stored' });
  });

  test('what happens to it is what is written', async () => {
    storage.isHeld = true;
    const inbox = open();
    const [read, taken] = [item('read'), item('taken')];
    const accepted = [read, taken].map(async (each) => inbox.accept(ALICE, each, false));
    for (const entry of inbox.newestFirst()) {
      if (entry.id === read.id) inbox.markRead(entry);
      else inbox.remove(entry);
    }
    storage.release();
    await Promise.all(accepted);
    expect([...storage.entries('inbox-payloads')]).toHaveLength(1);
    storage = storage.crash();
    const after = open();
    expect(after).toMatchObject({ size: 1, unread: 0 });
    expect(await after.accept(ALICE, taken, false)).toEqual({ kind: 'duplicate' });
  });

  test('a disk that refuses takes it back, once; then messages are shown when they are on it', async () => {
    const inbox = open();
    const message = item('hello');
    storage.isFull = true;
    await inbox.accept(ALICE, message, false);
    expect(received).toEqual(['hello']);
    expect(inbox).toMatchObject({ size: 0, bytes: 0, unread: 0 });
    await inbox.accept(ALICE, message, false);
    expect(received).toEqual(['hello']);
    storage.isFull = false;
    await inbox.accept(ALICE, message, false);
    expect(received).toEqual(['hello', 'hello']);
    expect(inbox).toMatchObject({ size: 1, bytes: 5, unread: 1 });
    storage.isHeld = true;
    void inbox.accept(ALICE, item('next'), false);
    expect(received).toEqual(['hello', 'hello', 'next']);
  });

  test('what was taken out is gone when the disk refuses, and counted once', async () => {
    const inbox = open();
    storage.isFull = true;
    const accepting = inbox.accept(ALICE, item('hello'), true);
    for (const entry of inbox.newestFirst()) inbox.remove(entry);
    await accepting;
    expect(inbox).toMatchObject({ size: 0, bytes: 0, unread: 0 });
  });
});

test('reading marks a message, on disk with the next transaction', async () => {
  const inbox = open();
  const message = item('hello');
  await inbox.accept(ALICE, message, false);
  await inbox.accept(ALICE, item('other'), false);
  const entry = inbox.find(message.id);
  if (entry === undefined) throw new Error('missing');
  inbox.markRead(entry);
  inbox.markRead(entry);
  expect(inbox.unread).toBe(1);
  expect(inbox.find(message.id)?.isRead).toBe(true);
  expect(inbox.payloadOf(entry)).toEqual(utf8('hello'));
  await inbox.accept(ALICE, item('later'), false);
  storage = storage.crash();
  const again = open();
  expect(again.find(message.id)?.isRead).toBe(true);
  expect(again.unread).toBe(2);
});

test('what is read while the inbox is cleared stays cleared', async () => {
  const inbox = open();
  const message = item('hello');
  await inbox.accept(ALICE, message, false);
  const clearing = inbox.clear();
  const entry = inbox.find(message.id);
  if (entry !== undefined) inbox.markRead(entry);
  await clearing;
  await inbox.accept(ALICE, item('later'), false);
  storage = storage.crash();
  const again = open();
  expect(again.size).toBe(1);
  expect(again.find(message.id)).toBeUndefined();
});

test('clearing takes what was received before', async () => {
  const inbox = open();
  await inbox.accept(ALICE, item('old'), false);
  clock.advance(1000);
  const sinceMs = clock.now();
  await inbox.accept(ALICE, item('new'), false);
  await expect(inbox.clear((entry) => entry.receivedAtMs < sinceMs)).resolves.toBe(1);
  expect(texts(inbox)).toEqual(['new']);
  await expect(inbox.clear()).resolves.toBe(1);
  expect([...storage.entries('inbox'), ...storage.entries('inbox-payloads')]).toEqual([]);
});

test('a correlation id is known until the key expires, a day after the message', async () => {
  const inbox = open();
  const message = item('hello');
  await inbox.accept(ALICE, message, false);
  await inbox.clear();
  expect(inbox.correlationOf(ALICE, message.id)).toBe(message.correlationId);
  expect(inbox.correlationOf(BOB, message.id)).toBeUndefined();
  clock.advance(2 * DAY_MS);
  inbox.sweep();
  await storage.commit([]);
  expect(inbox.correlationOf(ALICE, message.id)).toBe(message.correlationId);
  clock.advance(1);
  inbox.sweep();
  await storage.commit([]);
  expect(inbox.correlationOf(ALICE, message.id)).toBeUndefined();
});

test('the sweep gets through more keys than one slice has', async () => {
  const inbox = open({ maxMessages: 10_000, maxBytes: 1_000_000 });
  const items = Array.from({ length: 5000 }, () => item(''));
  await Promise.all(items.map(async (message) => inbox.accept(ALICE, message, false)));
  clock.advance(3 * DAY_MS);
  for (let slice = 0; slice < 4; slice++) {
    inbox.sweep();
    await storage.commit([]);
  }
  expect([...storage.entries('seen')]).toEqual([]);
});

describe('a payload for people', () => {
  test.each([
    ['text', utf8('grüß'), { data: 'grüß', encoding: 'utf8' }],
    ['json', utf8('{"a":1}'), { data: '{"a":1}', encoding: 'utf8' }],
    ['text', Uint8Array.of(0xff, 0xfe), { data: '//4=', encoding: 'base64' }],
    ['binary', utf8('hi'), { data: 'aGk=', encoding: 'base64' }],
  ] as const)('%s %#', (type, payload, expected) => {
    expect(payloadText(type, payload)).toEqual(expected);
  });

  test('a preview has 120 characters, whole ones', () => {
    expect(previewOf('text', utf8('é😀'.repeat(200)))).toBe('é😀'.repeat(60));
    expect(previewOf('binary', new Uint8Array(1000))).toHaveLength(120);
  });
});
