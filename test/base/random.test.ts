import fc from 'fast-check';
import { expect, test } from 'vitest';

import { randomFraction } from '../../src/base/random.ts';
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
