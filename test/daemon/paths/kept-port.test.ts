import { expect, test } from 'vitest';

import { keepPort, readKeptPort } from '../../../src/daemon/paths/kept-port.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const KEY = new TextEncoder().encode('udp-port');

test('a port is there after a restart, as two bytes', async () => {
  const storage = new MemoryStorage();
  expect(readKeptPort(storage)).toBe(0);
  keepPort(storage, 4711);
  await storage.commit([]);
  const restarted = storage.crash();
  expect(readKeptPort(restarted)).toBe(4711);
  expect(restarted.get('meta', KEY)).toEqual(Uint8Array.of(0x12, 0x67));
});

test('the same port is not written again', async () => {
  const storage = new MemoryStorage();
  keepPort(storage, 4711);
  await storage.commit([]);
  const { commits } = storage;
  keepPort(storage, 4711);
  await Promise.resolve();
  expect(storage.commits).toBe(commits);
});

test('what is no port is as none', async () => {
  const storage = new MemoryStorage();
  await storage.commit([{ table: 'meta', key: KEY, value: Uint8Array.of(1, 2, 3) }]);
  expect(readKeptPort(storage)).toBe(0);
});
