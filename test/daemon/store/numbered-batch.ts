import { sequenceKey, type Write } from '../../../src/daemon/store/storage.ts';

export const LAST_KEY = sequenceKey(1);
export const KEYS = 50;

/** Sets one of the keys, removes another one, and says that it was the last. */
export function batch(number: number): Write[] {
  const value = Buffer.alloc(8 + ((number * 7919) % 20_000), number);
  value.set(sequenceKey(number));
  return [
    { table: 'seen', key: sequenceKey(number % KEYS), value },
    { table: 'seen', key: sequenceKey((number * 3 + 1) % KEYS) },
    { table: 'inbox', key: LAST_KEY, value: sequenceKey(number) },
  ];
}
