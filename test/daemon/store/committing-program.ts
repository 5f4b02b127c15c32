/**
 * A program that commits batch after batch to the store in the folder of its first argument, eight at a time,
 * and prints the number of each that is on disk. It goes on where the store ends, until it is killed.
 */
import { writeSync } from 'node:fs';

import { sequenceKey, sequenceOf } from '../../../src/daemon/store/storage.ts';
import { Store } from '../../../src/daemon/store/store.ts';
import { batch, LAST_KEY } from './numbered-batch.ts';

const IN_FLIGHT = 8;

// The timers of a store keep no process alive.
setInterval(() => undefined, 60_000);
const store = Store.open(process.argv[2] ?? '');
const last = store.get('inbox', LAST_KEY);
let next = last === undefined ? 0 : sequenceOf(last);

async function commitOn(): Promise<never> {
  for (;;) {
    const number = (next += 1);
    if (number % 5 === 0) store.owe([{ table: 'meta', key: sequenceKey(number % 20) }]);
    await store.commit(batch(number), number % 3 === 0 ? 'soon' : 'now');
    writeSync(1, `${number}\n`);
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, commitOn));
