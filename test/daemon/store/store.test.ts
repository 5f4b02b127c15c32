import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { open } from 'lmdb';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { sequenceKey, sequenceOf } from '../../../src/daemon/store/storage.ts';
import { Store } from '../../../src/daemon/store/store.ts';
import { seededRandom } from '../../support/seeded-random.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'pilot-store-'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test('what a commit resolved for is there after the store was opened again', async () => {
  const dir = path.join(home, 'data');
  const store = Store.open(dir);
  await store.commit([
    { table: 'inbox', key: sequenceKey(2), value: bytes(2) },
    { table: 'seen', key: bytes(9), value: bytes(1, 2, 3) },
  ]);
  await store.commit([{ table: 'inbox', key: sequenceKey(1), value: bytes(1) }]);
  await store.close();
  await store.close();
  expect(statSync(dir).mode & 0o777).toBe(0o700);

  const again = Store.open(dir);
  expect([...again.entries('inbox')].map(([key, value]) => [sequenceOf(key), ...value])).toEqual([
    [1, 1],
    [2, 2],
  ]);
  expect([...(again.get('seen', bytes(9)) ?? [])]).toEqual([1, 2, 3]);
  await again.commit([{ table: 'seen', key: bytes(9) }]);
  expect(again.get('seen', bytes(9))).toBeUndefined();
  await again.close();
});

test('commits of many callers and owed writes are all written, in the order they were asked for', async () => {
  const store = Store.open(home);
  const commits = Array.from({ length: 200 }, async (_, i) =>
    store.commit([{ table: 'meta', key: bytes(7), value: sequenceKey(i) }]),
  );
  store.owe([{ table: 'meta', key: bytes(8), value: bytes(1) }]);
  await Promise.all(commits);
  expect(sequenceOf(store.get('meta', bytes(7)) ?? bytes())).toBe(199);
  await store.close();
  const again = Store.open(home);
  expect([...(again.get('meta', bytes(8)) ?? [])]).toEqual([1]);
  await again.close();
});

test('what may wait is written with the next commit, or soon without one', async () => {
  const store = Store.open(home);
  let made = 0;
  const writes = () => [{ table: 'meta' as const, key: bytes(7), value: bytes((made += 1)) }];
  const waiting = store.commit(writes, 'soon');
  expect(made).toBe(0);
  await store.commit([{ table: 'meta', key: bytes(8), value: bytes(1) }]);
  expect([...(store.get('meta', bytes(7)) ?? [])]).toEqual([1]);
  await waiting;
  await store.commit(writes, 'soon');
  expect([...(store.get('meta', bytes(7)) ?? [])]).toEqual([2]);
  await store.close();
});

test('what is committed is seen at once, in order, before any of it is in the tables', async () => {
  const store = Store.open(home);
  await store.commit([1, 3, 5].map((n) => ({ table: 'seen', key: bytes(n), value: bytes(n) })));
  await store.close();
  const again = Store.open(home);
  await again.commit([
    { table: 'seen', key: bytes(3) },
    { table: 'seen', key: bytes(4), value: bytes(44) },
    { table: 'seen', key: bytes(5), value: bytes(55) },
  ]);
  const found = [...again.entries('seen', { start: bytes(2) })];
  expect(found.map(([[key], [value]]) => [key, value])).toEqual([
    [4, 44],
    [5, 55],
  ]);
  expect(again.get('seen', bytes(3))).toBeUndefined();
  expect([...(again.get('seen', bytes(1)) ?? [])]).toEqual([1]);
  await again.close();
});

test('a commit is seen from the moment it is asked what to write', async () => {
  const store = Store.open(home);
  let seen: Uint8Array | undefined;
  const first = store.commit(() => {
    queueMicrotask(() => {
      seen = store.get('seen', bytes(1));
    });
    return [{ table: 'seen', key: bytes(1), value: bytes(7) }];
  });
  expect(store.get('seen', bytes(1))).toBeUndefined();
  await first;
  expect(seen).toEqual(bytes(7));
  await store.close();
});

test('what no journal file can hold is committed all the same, after what came before it', async () => {
  const store = Store.open(home);
  const large = seededRandom(5)(5 * 1024 * 1024);
  const commits = [
    store.commit([{ table: 'inbox-payloads', key: bytes(1), value: bytes(1) }]),
    store.commit([{ table: 'inbox-payloads', key: bytes(1), value: large }]),
    store.commit([{ table: 'inbox-payloads', key: bytes(2), value: large.subarray(0, 2 ** 20) }]),
  ];
  await Promise.all(commits);
  expect(toHex(store.get('inbox-payloads', bytes(1)) ?? bytes())).toBe(toHex(large));
  await store.close();
  const again = Store.open(home);
  expect(again.get('inbox-payloads', bytes(1))).toHaveLength(large.length);
  expect(again.get('inbox-payloads', bytes(2))).toHaveLength(2 ** 20);
  await again.close();
});

test('more than both files hold goes through, and is all there', async () => {
  const store = Store.open(home);
  const random = seededRandom(9);
  const values = Array.from({ length: 48 }, () => random(300_000));
  await Promise.all(
    values.map(async (value, i) =>
      store.commit([{ table: 'inbox-payloads', key: sequenceKey(i), value }]),
    ),
  );
  await store.close();
  const again = Store.open(home);
  const found = [...again.entries('inbox-payloads')];
  expect(found.map(([, value]) => toHex(value))).toEqual(values.map(toHex));
  await again.close();
});

test('one whose function throws fails alone', async () => {
  const store = Store.open(home);
  const failing = store.commit(() => {
    throw new RangeError('not now');
  });
  const fine = store.commit([{ table: 'seen', key: bytes(1), value: bytes(1) }]);
  await expect(failing).rejects.toMatchObject({ name: 'StoreError' });
  await fine;
  expect(store.get('seen', bytes(1))).toEqual(bytes(1));
  await store.close();
});

test('the journal is for the owner alone; what is in the tables is not kept in it', async () => {
  const store = Store.open(home);
  await store.commit([{ table: 'seen', key: bytes(1), value: bytes(1) }]);
  const names = readdirSync(home).filter((name) => name.startsWith('journal'));
  expect(names).toEqual(['journal-0', 'journal-1']);
  for (const name of names) expect(statSync(path.join(home, name)).mode & 0o777).toBe(0o600);
  await store.close();
  for (const name of names) truncateSync(path.join(home, name));
  const again = Store.open(home);
  expect([...(again.get('seen', bytes(1)) ?? [])]).toEqual([1]);
  await again.close();
});

test('a database from before there was a journal opens as it is', async () => {
  const root = open<Uint8Array, Uint8Array>({ path: home, noSubdir: false, encoding: 'binary' });
  const options = { encoding: 'binary', keyEncoding: 'binary' } as const;
  await root.openDB<Uint8Array, Uint8Array>('meta', options).put(utf8('version'), bytes(1));
  await root.openDB<Uint8Array, Uint8Array>('seen', options).put(bytes(1), bytes(5));
  await root.close();
  for (const value of [5, 6]) {
    const store = Store.open(home);
    expect([...(store.get('seen', bytes(1)) ?? [])]).toEqual([value]);
    await store.commit([{ table: 'seen', key: bytes(1), value: bytes(6) }]);
    await store.close();
  }
});

test('the journal of a database that is gone does not come back', async () => {
  const old = Store.open(home);
  await old.commit([{ table: 'seen', key: bytes(1), value: bytes(1) }]);
  await old.close();
  for (const name of ['data.mdb', 'lock.mdb']) rmSync(path.join(home, name), { force: true });
  const store = Store.open(home);
  expect([...store.entries('seen')]).toEqual([]);
  await store.close();
});

test('ranges start and end where they should', async () => {
  const store = Store.open(home);
  const keys = [3, 1, 2, 4];
  await store.commit(keys.map((n) => ({ table: 'seen', key: bytes(n), value: bytes(n) })));
  const found = [...store.entries('seen', { start: bytes(2), limit: 2 })];
  expect(found.map(([key]) => [...key])).toEqual([[2], [3]]);
  await store.close();
});

test('a closed store refuses commits', async () => {
  const store = Store.open(home);
  await store.close();
  await expect(store.commit([])).rejects.toMatchObject({ name: 'StoreError' });
});

test('a store of a later version is refused and left alone', async () => {
  await Store.open(home).close();
  const root = open<Uint8Array, Uint8Array>({ path: home, encoding: 'binary' });
  const meta = root.openDB<Uint8Array, Uint8Array>('meta', {
    encoding: 'binary',
    keyEncoding: 'binary',
  });
  await meta.put(new TextEncoder().encode('version'), bytes(3));
  await root.close();
  expect(() => Store.open(home)).toThrow('format 3');
});

test('a journal that cannot be read or written says so', async () => {
  await Store.open(home).close();
  rmSync(path.join(home, 'journal-1'));
  mkdirSync(path.join(home, 'journal-1'));
  expect(() => Store.open(home)).toThrow('cannot open the database');
});

test('a folder that cannot be one says so', () => {
  expect(() => Store.open('/dev/null/data')).toThrow('cannot open the database /dev/null/data');
});
