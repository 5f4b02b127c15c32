import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BoundedMap } from '../../src/base/bounded-map.ts';

test('a full map forgets the oldest and says so', () => {
  const evicted: [string, number][] = [];
  const map = new BoundedMap<string, number>(2, (key, value) => evicted.push([key, value]));
  map.set('a', 1);
  map.set('b', 2);
  map.set('c', 3);
  expect([...map.entries()]).toEqual([
    ['b', 2],
    ['c', 3],
  ]);
  expect(evicted).toEqual([['a', 1]]);
});

test('setting a key again makes it the newest; reading does not', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  expect(map.get('b')).toBe(2);
  map.set('c', 4);
  expect([...map.values()]).toEqual([3, 4]);
});

test('delete and clear are no evictions', () => {
  const evicted: string[] = [];
  const map = new BoundedMap<string, number>(2, (key) => evicted.push(key));
  map.set('a', 1);
  expect(map.delete('a')).toBe(true);
  expect(map.delete('a')).toBe(false);
  map.set('b', 2);
  map.clear();
  expect([map.size, map.has('b'), evicted]).toEqual([0, false, []]);
});

test('it is a map of the last keys set, never larger than its limit', () => {
  const key = fc.nat(8);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(key), (limit, keys) => {
      const map = new BoundedMap<number, number>(limit);
      keys.forEach((each, i) => {
        map.set(each, i);
      });
      const newestFirst = [...new Set(keys.toReversed())].slice(0, limit);
      expect([...map.entries()]).toEqual(
        newestFirst.toReversed().map((each) => [each, keys.lastIndexOf(each)]),
      );
    }),
  );
});
