import { expect, test } from 'vitest';

import { newTrustRecord } from '../../../src/daemon/trust/trust-record.ts';
import { TrustStore } from '../../../src/daemon/trust/trust-store.ts';
import { Identity } from '../../../src/identity/identity.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const { chain, firstKey } = Identity.create(seededRandom(1), 0);
const peer = Buffer.from(firstKey).toString('hex');
const none = newTrustRecord(peer, chain, 0);

test('what the disk refused is in force no more, however much of it there was', async () => {
  const storage = new MemoryStorage();
  const store = new TrustStore(storage);
  await store.put({ ...none, state: 'asked' });
  storage.isFull = true;
  const puts = [
    store.put({ ...none, state: 'trusted' }),
    store.put({ ...none, state: 'trusted', isConfirmed: true }),
  ];
  expect(store.stateOf(peer)).toBe('trusted');
  expect((await Promise.allSettled(puts)).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
  ]);
  expect(store.get(peer)).toEqual({ ...none, state: 'asked' });
});

test('a first record that the disk refused twice is forgotten', async () => {
  const storage = new MemoryStorage();
  const store = new TrustStore(storage);
  storage.isFull = true;
  await Promise.allSettled([
    store.put({ ...none, state: 'pending' }),
    store.put({ ...none, state: 'none' }),
  ]);
  expect(store.get(peer)).toBeUndefined();
  expect([...store.all()]).toEqual([]);
});

test('of two changes the later one stays when both are on disk', async () => {
  const storage = new MemoryStorage();
  const store = new TrustStore(storage);
  await Promise.all([
    store.put({ ...none, state: 'asked' }),
    store.put({ ...none, state: 'trusted' }),
  ]);
  storage.isFull = true;
  await expect(store.put(none)).rejects.toThrow();
  expect(store.stateOf(peer)).toBe('trusted');
  expect(new TrustStore(storage).stateOf(peer)).toBe('trusted');
});
