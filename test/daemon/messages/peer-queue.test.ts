import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import type { OutboxEntry } from '../../../src/daemon/messages/outbox-entry.ts';
import { PeerQueue } from '../../../src/daemon/messages/peer-queue.ts';

const entryOf = (sequence: number): OutboxEntry => ({ sequence }) as OutboxEntry;

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

test('messages that expire behind one that waits for long leave no room behind', () => {
  const queue = new PeerQueue();
  const first = entryOf(1);
  queue.push(first);
  const beforeBytes = heapBytes();
  for (let sequence = 2; sequence <= 2_000_000; sequence++) {
    const entry = entryOf(sequence);
    queue.push(entry);
    queue.remove(entry);
  }
  expect(heapBytes() - beforeBytes).toBeLessThan(2 ** 23);
  const last = entryOf(2_000_001);
  queue.push(last);
  expect([...queue]).toEqual([first, last]);
  expect(queue.after(1)).toBe(last);
  queue.remove(first);
  expect([...queue]).toEqual([last]);
});
