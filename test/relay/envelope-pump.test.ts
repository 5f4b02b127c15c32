import { setImmediate } from 'node:timers/promises';

import { expect, onTestFinished, test } from 'vitest';

import { EnvelopePump } from '../../src/relay/envelope-pump.ts';
import { DEFAULT_LIMITS } from '../../src/relay/limits.ts';
import { MemoryMailbox } from '../../src/relay/memory-mailbox.ts';
import { ManualClock } from '../support/manual-clock.ts';

const recipient = new Uint8Array(32).fill(1);
const from = new Uint8Array(32).fill(2);
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

interface Scene {
  readonly clock: ManualClock;
  readonly mailbox: MemoryMailbox;
  readonly sent: number[];
  readonly start: () => EnvelopePump;
  readonly put: (fill: number, size?: number) => Promise<void>;
}

function scene(limits: { maxUntakenEnvelopes?: number; maxUntakenBytes?: number } = {}): Scene {
  const clock = new ManualClock();
  const mailbox = new MemoryMailbox(DEFAULT_LIMITS);
  const sent: number[] = [];
  return {
    clock,
    mailbox,
    sent,
    start: () => {
      const pump = new EnvelopePump({
        mailbox,
        limits: { ...DEFAULT_LIMITS, ...limits },
        clock,
        log,
        recipient,
        send: ({ id }) => sent.push(id[0] ?? 0),
      });
      onTestFinished(() => {
        pump.stop();
      });
      return pump;
    },
    put: async (fill, size = 10) => {
      const id = new Uint8Array(16).fill(fill);
      const times = { atMs: clock.now(), expiresAtMs: clock.now() + 60_000 };
      await mailbox.put({ to: recipient, from, id, body: new Uint8Array(size), ...times });
      await setImmediate();
    },
  };
}
const idOf = (fill: number): { from: Uint8Array; id: Uint8Array } => ({
  from,
  id: new Uint8Array(16).fill(fill),
});

test('sends what waits and what comes, each once, in order', async () => {
  const { start, put, sent } = scene();
  await put(1);
  await put(2);
  start();
  await setImmediate();
  await put(3);
  expect(sent).toEqual([1, 2, 3]);
});

test('keeps to the number and the bytes under way', async () => {
  const few = scene({ maxUntakenEnvelopes: 2 });
  const small = scene({ maxUntakenBytes: 100 });
  for (const { put, start, sent } of [few, small]) {
    for (const fill of [1, 2, 3, 4]) await put(fill, 60);
    const pump = start();
    await setImmediate();
    const first = sent.length;
    expect(first).toBeLessThan(3);
    await pump.taken(idOf(1));
    await pump.taken(idOf(2));
    await setImmediate();
    expect(sent.length).toBeGreaterThan(first);
    expect(sent).toEqual([1, 2, 3, 4].slice(0, sent.length));
  }
});

test('takes the taken out of the mailbox, once, and nothing that it did not send', async () => {
  const { start, put, mailbox } = scene();
  await put(1);
  const taken: unknown[] = [];
  const take = mailbox.take.bind(mailbox);
  mailbox.take = async (to, envelope) => {
    taken.push(envelope.id[0]);
    return take(to, envelope);
  };
  const pump = start();
  await pump.taken(idOf(1));
  await setImmediate();
  await pump.taken(idOf(9));
  await pump.taken(idOf(1));
  await pump.taken(idOf(1));
  expect(taken).toEqual([1]);
  expect(await mailbox.size()).toEqual({ envelopes: 0, bytes: 0 });
});

test('a new login gets again what was not taken', async () => {
  const { start, put, sent } = scene();
  await put(1);
  start().stop();
  await setImmediate();
  start();
  await setImmediate();
  expect(sent).toEqual([1]);
});

test('stopped, it sends nothing more', async () => {
  const { start, put, sent } = scene();
  const pump = start();
  pump.stop();
  await put(1);
  expect(sent).toEqual([]);
});

test('asks a failing store again after a while', async () => {
  const { start, put, sent, mailbox, clock } = scene();
  await put(1);
  const list = mailbox.list.bind(mailbox);
  mailbox.list = async () => Promise.reject(new Error('no'));
  start();
  await setImmediate();
  mailbox.list = list;
  await setImmediate();
  clock.advance(4999);
  await setImmediate();
  expect(sent).toEqual([]);
  clock.advance(1);
  await setImmediate();
  expect(sent).toEqual([1]);
});
