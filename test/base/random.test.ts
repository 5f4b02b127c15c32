import fc from 'fast-check';
import { expect, test } from 'vitest';

import { pooledRandom, randomFraction } from '../../src/base/random.ts';
import { seededRandom } from '../support/seeded-random.ts';

test('a fraction is from 0 to just below 1, also from a part of a buffer', () => {
  const part = (bytes: number[]) => () => Uint8Array.of(0xaa, ...bytes).subarray(1);
  expect(randomFraction(part([0, 0, 0, 0]))).toBe(0);
  expect(randomFraction(part([0x80, 0, 0, 0]))).toBe(0.5);
  expect(randomFraction(part([255, 255, 255, 255]))).toBe(1 - 2 ** -32);
});

test('seeded bytes repeat with their seed', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(64), (seed, length) => {
      expect(seededRandom(seed)(length)).toEqual(seededRandom(seed)(length));
      expect(seededRandom(seed)(length)).toHaveLength(length);
    }),
  );
});

test('a pool gives each byte once, whatever is asked for', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { maxLength: 300 }), (lengths) => {
      let made = 0;
      // As `crypto.randomBytes` does, a Buffer.
      const counting = (length: number): Uint8Array =>
        Buffer.from(Array.from({ length }, () => 1 + (made++ % 255)));
      const random = pooledRandom(counting);
      for (const length of lengths) {
        const bytes = random(length);
        expect(bytes).toHaveLength(length);
        expect(bytes.includes(0)).toBe(false);
        bytes.fill(0);
      }
    }),
  );
});

test('what a pool gave is for its owner alone', () => {
  const pools: Uint8Array[] = [];
  const random = pooledRandom((length) => {
    const pool = Buffer.alloc(length, 7);
    pools.push(pool);
    return pool;
  });
  const [first, second] = [random(16), random(16)];
  first.fill(1);
  expect(second).toEqual(new Uint8Array(16).fill(7));
  expect([...(pools[0]?.subarray(0, 32) ?? [])]).toEqual([...new Uint8Array(32)]);
});
