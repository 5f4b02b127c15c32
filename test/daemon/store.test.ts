import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { open } from 'lmdb';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { sequenceKey, sequenceOf, Store } from '../../src/daemon/store.ts';

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

test('what may wait is written with the next transaction, or soon without one', async () => {
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
  await meta.put(new TextEncoder().encode('version'), bytes(2));
  await root.close();
  expect(() => Store.open(home)).toThrow('format 2');
});

test('a folder that cannot be one says so', () => {
  expect(() => Store.open('/dev/null/data')).toThrow('cannot open the database /dev/null/data');
});
