import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';

import type { InboxCleared, IncomingMessage } from '../../../src/client/api.ts';
import { type Log, silentLog } from '../../../src/daemon/log/log.ts';
import { InboxMirror } from '../../../src/daemon/pilot-ipc/inbox-mirror.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { eventually } from '../../support/processes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { FakeNode, INCOMING } from '../fake-node.ts';

vi.mock('node:fs/promises', async (original) => {
  const actual = await original<{ readdir: typeof readdir; stat: typeof stat }>();
  return { ...actual, readdir: vi.fn(actual.readdir), stat: vi.fn(actual.stat) };
});

/** A node whose inbox a test fills. */
class Mailbox extends FakeNode {
  /** Oldest first. */
  messages: IncomingMessage[] = [];
  override inbox = (): { messages: IncomingMessage[]; total: number; shown: number } => {
    const { length } = this.messages;
    return { messages: this.messages.toReversed(), total: length, shown: length };
  };
  override readInbox = async (id: string): Promise<IncomingMessage> => {
    const found = this.messages.find((message) => message.id === id);
    if (found === undefined) throw new Error('cleared');
    return Promise.resolve(found);
  };
  override clearInbox = async ({ before = '' }): Promise<InboxCleared> => {
    const kept = this.messages.filter(({ received_at }) => received_at >= before);
    const cleared = this.messages.length - kept.length;
    this.messages = kept;
    return Promise.resolve({ cleared, remaining: kept.length });
  };
  override counters = (): FakeNode['totals'] => ({
    ...this.totals,
    ...{ inboxMessages: this.messages.length, inboxBytes: 0 },
  });

  receive(text: string, second: number, more: Partial<IncomingMessage> = {}): IncomingMessage {
    const number = (this.messages.length + 1).toString(16).padStart(12, '0');
    const received_at = new Date(Date.UTC(2026, 1, 3, 4, 5, second, 250)).toISOString();
    const id = `01920000-0000-7000-8000-${number}`;
    const message = { ...INCOMING, id, received_at, data: text, ...more };
    this.messages.push(message);
    this.events.emit('message.received', message);
    return message;
  }
}

let node: Mailbox;
let clock: ManualClock;
let folder: string;
beforeEach(() => {
  node = new Mailbox();
  clock = new ManualClock();
  folder = path.join(temporaryFolder(), 'inbox');
});

function mirror(
  limits: { maxFiles?: number; maxInboxMessages?: number; log?: Log } = {},
): InboxMirror {
  const made = new InboxMirror({
    ...{ node, clock, log: silentLog, folder, maxInboxBytes: 1_000_000 },
    ...{ maxInboxMessages: 1000, ...limits },
  });
  onTestFinished(async () => made.stop());
  made.start();
  return made;
}

const files = (): string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : [];

async function settled(count: number): Promise<string[]> {
  return eventually(`${count} files`, () =>
    files().length === count ? files().sort() : undefined,
  );
}

const fileOf = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Record<string, unknown>;

test('each kind of message has its name and members', async () => {
  mirror();
  node.receive('hello', 6, { reply_to: '01920000-0000-7000-8000-0000000000ff' });
  node.receive('/wA=', 7, { type: 'binary', encoding: 'base64', bytes: 2 });
  const [binary = '', text = ''] = await settled(2);
  expect([binary, text]).toEqual([
    'BINARY-20260203-040507.250-000000.json',
    'TEXT-20260203-040506.250-000000.json',
  ]);
  expect(fileOf(text)).toEqual({
    ...{ type: 'TEXT', from: '0:0000.1234.5678', data: 'hello', data_encoding: 'utf8', bytes: 2 },
    ...{ received_at: '2026-02-03T04:05:06.250Z' },
    message_id: '01920000000070008000000000000001',
    reply_to: '019200000000700080000000000000ff',
  });
  expect(fileOf(binary)).toMatchObject({
    ...{ type: 'BINARY', data: '\ufffd\0', data_b64: '/wA=', data_encoding: 'base64' },
  });
});

test('messages of one millisecond have a file each, in their order', async () => {
  mirror();
  for (let i = 0; i < 5; i++) node.receive(String(i), 6);
  const names = await settled(5);
  expect(names.map((name) => fileOf(name)['data'])).toEqual(['0', '1', '2', '3', '4']);
});

test('what came while it was off is there after a start; what was deleted does not come again', async () => {
  node.receive('early', 1);
  const first = mirror();
  await settled(1);
  node.receive('second', 2);
  const [, second = ''] = await settled(2);
  await first.stop();
  rmSync(path.join(folder, second));
  node.receive('third', 3);
  const next = mirror();
  const names = await settled(2);
  expect(names.map((name) => fileOf(name)['data'])).toEqual(['early', 'third']);
  await next.stop();
});

test('a full folder keeps messages in the inbox until somebody makes room', async () => {
  mirror({ maxFiles: 2 });
  for (let i = 1; i <= 4; i++) node.receive(String(i), i);
  const [oldest = ''] = await settled(2);
  clock.advance(5000);
  expect(files()).toHaveLength(2);
  rmSync(path.join(folder, oldest));
  const names = await eventually('the next one is there', () => {
    // Again and again: one that finds it at work changes nothing.
    clock.advance(5000);
    return files().length === 2 ? files().sort() : undefined;
  });
  expect(names.map((name) => fileOf(name)['data'])).toEqual(['2', '3']);
});

test('a full folder is listed when it is tried again, not for every message', async () => {
  const warn = vi.fn<Log['warn']>();
  const made = mirror({ maxFiles: 2, log: { ...silentLog, warn } });
  for (let i = 1; i <= 3; i++) node.receive(String(i), i);
  await eventually('it is full', () => warn.mock.calls.length > 0 || undefined);
  await turn();
  for (const look of [readdir, stat]) vi.mocked(look).mockClear();
  node.receive('4', 4);
  await turn();
  expect(readdir).not.toHaveBeenCalled();
  clock.advance(5000);
  await turn();
  await made.stop();
  expect(readdir).toHaveBeenCalledTimes(1);
  expect(stat).not.toHaveBeenCalled();
});

test('an inbox that is nearly full loses the older half of what has files', async () => {
  mirror({ maxInboxMessages: 10 });
  for (let i = 1; i <= 8; i++) node.receive(String(i), i);
  await settled(8);
  await eventually('it has room', () => (node.messages.length === 5 ? true : undefined));
  expect(node.messages.at(-1)?.data).toBe('8');
  expect(files()).toHaveLength(8);
});

test('a folder that cannot be written loses nothing', async () => {
  mkdirSync(path.dirname(folder), { recursive: true });
  writeFileSync(folder, 'not a folder');
  mirror();
  node.receive('patient', 1);
  clock.advance(5000);
  rmSync(folder);
  await eventually('it is there', () => {
    clock.advance(5000);
    return files().length === 1 ? true : undefined;
  });
  expect(fileOf(files()[0] ?? '')['data']).toBe('patient');
});

test('a stop waits for the file that is being written, not for all that are to come', async () => {
  for (let i = 1; i <= 40; i++) node.receive(String(i), i);
  const reads: string[] = [];
  const { readInbox } = node;
  let stopped: Promise<void> | undefined;
  node.readInbox = async (id) => {
    reads.push(id);
    stopped ??= first.stop();
    return readInbox(id);
  };
  const first = mirror();
  await eventually('it is behind', () => stopped !== undefined || undefined);
  await stopped;
  expect([reads.length, files()]).toEqual([1, []]);
  node.readInbox = readInbox;
  mirror();
  const names = await settled(40);
  expect(names.map((name) => fileOf(name)['data'])).toEqual(node.messages.map(({ data }) => data));
});

test('a folder that somebody removes is there again with the next message', async () => {
  mirror();
  node.receive('before', 1);
  await settled(1);
  rmSync(folder, { recursive: true });
  node.receive('after', 2);
  const [name = ''] = await eventually('it is there', () => {
    clock.advance(5000);
    return files().length === 1 ? files() : undefined;
  });
  expect(fileOf(name)['data']).toBe('after');
});
