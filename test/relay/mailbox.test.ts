import { describe, expect, onTestFinished, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { LmdbMailbox } from '../../src/relay/lmdb-mailbox.ts';
import { LmdbStore } from '../../src/relay/lmdb-store.ts';
import type { EnvelopePut, Mailbox, MailboxLimits } from '../../src/relay/mailbox.ts';
import { MemoryMailbox } from '../../src/relay/memory-mailbox.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const UNLIMITED: MailboxLimits = {
  maxMailboxEnvelopes: 1000,
  maxMailboxBytes: 1e6,
  maxPairEnvelopes: 1000,
  maxPairBytes: 1e6,
  maxSenderEnvelopes: 1000,
  maxSenderBytes: 1e6,
  maxStoreBytes: 1e6,
};
const NOW = 1_000_000;
const ALL = { after: 0, envelopes: 1000, bytes: 1e6, nowMs: NOW };

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const envelope = (to: number, from: number, id: number, size = 10): EnvelopePut => ({
  to: key(to),
  from: key(from),
  id: new Uint8Array(16).fill(id),
  atMs: NOW,
  expiresAtMs: NOW + 1000 * id,
  body: new Uint8Array(size).fill(id),
});
const idsOf = async (mailbox: Mailbox, to: number, page = ALL): Promise<(number | undefined)[]> =>
  (await mailbox.list(key(to), page)).map(({ id }) => id[0]);

const openLmdb = (directory: string, limits: MailboxLimits): LmdbMailbox => {
  const store = new LmdbStore({ directory });
  onTestFinished(async () => {
    await store.close();
  });
  return new LmdbMailbox(store, limits);
};

const implementations = {
  memory: (limits: MailboxLimits): Mailbox => new MemoryMailbox(limits),
  lmdb: (limits: MailboxLimits): Mailbox => openLmdb(temporaryDirectory(), limits),
};

describe.each(Object.entries(implementations))('%s mailbox', (_name, open) => {
  test('gives each recipient its envelopes in the order they came', async () => {
    const mailbox = open(UNLIMITED);
    for (const id of [3, 1, 2]) await mailbox.put(envelope(1, 7, id));
    await mailbox.put(envelope(2, 7, 9));
    expect(await idsOf(mailbox, 1)).toEqual([3, 1, 2]);
    expect(await idsOf(mailbox, 2)).toEqual([9]);
    expect(await idsOf(mailbox, 3)).toEqual([]);
  });

  test('keeps sender, time and body as they were, whatever becomes of the buffers', async () => {
    const mailbox = open(UNLIMITED);
    const put = envelope(1, 7, 5);
    await mailbox.put(put);
    put.body.fill(0);
    put.id.fill(0);
    const [stored] = await mailbox.list(key(1), ALL);
    expect(stored?.atMs).toBe(NOW);
    expect(toHex(stored?.from ?? key(0))).toBe(toHex(key(7)));
    expect([...(stored?.id ?? [])]).toEqual(Array(16).fill(5));
    expect([...(stored?.body ?? [])]).toEqual(Array(10).fill(5));
  });

  test('stores the same envelope once, however often it is put', async () => {
    const mailbox = open({ ...UNLIMITED, maxPairEnvelopes: 1 });
    expect(await mailbox.put(envelope(1, 7, 5))).toBe('stored');
    expect(await mailbox.put(envelope(1, 7, 5))).toBe('stored');
    expect(await mailbox.size()).toEqual({ envelopes: 1, bytes: 10 });
  });

  test('keeps envelopes of two senders apart that chose the same id', async () => {
    const mailbox = open(UNLIMITED);
    await mailbox.put(envelope(1, 7, 5));
    await mailbox.put(envelope(1, 8, 5));
    await mailbox.take(key(1), envelope(1, 7, 5));
    const left = await mailbox.list(key(1), ALL);
    expect(left.map(({ from }) => from[0])).toEqual([8]);
  });

  test('pages by position, count and bytes, and always makes progress', async () => {
    const mailbox = open(UNLIMITED);
    for (const id of [1, 2, 3, 4]) await mailbox.put(envelope(1, 7, id, 100));
    const [first] = await mailbox.list(key(1), { ...ALL, envelopes: 1 });
    expect(await idsOf(mailbox, 1, { ...ALL, after: first?.position ?? 0 })).toEqual([2, 3, 4]);
    expect(await idsOf(mailbox, 1, { ...ALL, bytes: 250 })).toEqual([1, 2]);
    expect(await idsOf(mailbox, 1, { ...ALL, bytes: 1 })).toEqual([1]);
  });

  test('take removes and makes room again; of the unknown it takes nothing', async () => {
    const mailbox = open({ ...UNLIMITED, maxMailboxEnvelopes: 1 });
    await mailbox.put(envelope(1, 7, 1));
    expect(await mailbox.put(envelope(1, 7, 2))).toBe('mailbox_full');
    await mailbox.take(key(1), envelope(1, 7, 9));
    await mailbox.take(key(2), envelope(1, 7, 1));
    expect(await idsOf(mailbox, 1)).toEqual([1]);
    await mailbox.take(key(1), envelope(1, 7, 1));
    expect(await idsOf(mailbox, 1)).toEqual([]);
    expect(await mailbox.size()).toEqual({ envelopes: 0, bytes: 0 });
    expect(await mailbox.put(envelope(1, 7, 2))).toBe('stored');
  });

  test.each<[string, Partial<MailboxLimits>, EnvelopePut]>([
    ['envelopes of a mailbox', { maxMailboxEnvelopes: 2 }, envelope(1, 8, 3)],
    ['bytes of a mailbox', { maxMailboxBytes: 29 }, envelope(1, 8, 3)],
    ['envelopes of a pair', { maxPairEnvelopes: 2 }, envelope(1, 7, 3)],
    ['bytes of a pair', { maxPairBytes: 29 }, envelope(1, 7, 3)],
    ['envelopes of a sender', { maxSenderEnvelopes: 2 }, envelope(2, 7, 3)],
    ['bytes of a sender', { maxSenderBytes: 29 }, envelope(2, 7, 3)],
    ['bytes of the store', { maxStoreBytes: 29 }, envelope(2, 8, 3)],
  ])('is full by %s, for those alone', async (_what, limits, third) => {
    const mailbox = open({ ...UNLIMITED, ...limits });
    expect(await mailbox.put(envelope(1, 7, 1))).toBe('stored');
    expect(await mailbox.put(envelope(1, 7, 2))).toBe('stored');
    expect(await mailbox.put(third)).toBe('mailbox_full');
    expect(await mailbox.put({ ...envelope(3, 9, 4), body: new Uint8Array() })).toBe('stored');
  });

  test('leaves out what expired, and sweeps it in bounded steps', async () => {
    const mailbox = open(UNLIMITED);
    for (const id of [1, 2, 3, 4]) await mailbox.put(envelope(id % 2, 7, id));
    const nowMs = NOW + 3000;
    expect(await idsOf(mailbox, 0, { ...ALL, nowMs })).toEqual([4]);
    expect(await idsOf(mailbox, 1, { ...ALL, nowMs })).toEqual([]);
    expect(await mailbox.sweep(nowMs, 2)).toBe(2);
    expect(await mailbox.sweep(nowMs, 2)).toBe(1);
    expect(await mailbox.sweep(nowMs, 2)).toBe(0);
    expect(await mailbox.size()).toEqual({ envelopes: 1, bytes: 10 });
    expect(await mailbox.put(envelope(1, 7, 1))).toBe('stored');
  });

  test('tells who listens for a recipient, once for each new envelope', async () => {
    const mailbox = open(UNLIMITED);
    const told: number[] = [];
    const stop = mailbox.subscribe(key(1), () => told.push(1));
    mailbox.subscribe(key(2), () => told.push(2));
    await mailbox.put(envelope(1, 7, 1));
    await mailbox.put(envelope(1, 7, 1));
    await mailbox.put(envelope(2, 7, 1));
    stop();
    stop();
    await mailbox.put(envelope(1, 7, 2));
    expect(told).toEqual([1, 2]);
  });
});

describe('lmdb mailbox', () => {
  test('has everything again after it was opened anew', async () => {
    const directory = temporaryDirectory();
    const store = new LmdbStore({ directory });
    const before = new LmdbMailbox(store, UNLIMITED);
    for (const id of [1, 2]) await before.put(envelope(1, 7, id));
    await before.take(key(1), envelope(1, 7, 1));
    await store.close();

    const after = openLmdb(directory, UNLIMITED);
    await after.put(envelope(1, 7, 3));
    expect(await idsOf(after, 1)).toEqual([2, 3]);
    expect(await after.size()).toEqual({ envelopes: 2, bytes: 20 });
  });

  test('refuses to add while the disk is nearly full, gives out and removes nevertheless', async () => {
    const store = new LmdbStore({
      directory: temporaryDirectory(),
      freeBytes: async () => Promise.resolve(1024),
    });
    onTestFinished(async () => {
      await store.close();
    });
    const mailbox = new LmdbMailbox(store, UNLIMITED);
    await expect(mailbox.put(envelope(1, 7, 1))).rejects.toThrow('full');
    await mailbox.take(key(1), envelope(1, 7, 1));
    expect(await idsOf(mailbox, 1)).toEqual([]);
  });
});
