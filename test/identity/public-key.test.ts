import { Point } from '@noble/ed25519';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { decodePublicKey, isAcceptableKey } from '../../src/identity/public-key.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** All encodings of the eight points of small order, canonical or not, with either sign. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].flatMap((hex) => {
  const negative = fromHex(hex);
  negative[31] = (negative[31] ?? 0) | 0x80;
  return [hex, toHex(negative)];
});

test.each(SMALL_ORDER)('small order: %s', (hex) => {
  expect(Point.fromHex(hex, true).isSmallOrder()).toBe(true);
  expect(isAcceptableKey(fromHex(hex))).toBe(false);
  expect(() => decodePublicKey(fromHex(hex))).toThrow(WireError);
});

test('one encoding for each point: y of p and more is refused', () => {
  for (let low = 0xed; low <= 0xff; low++) {
    const key = fromHex(`${low.toString(16)}${'ff'.repeat(30)}7f`);
    expect(isAcceptableKey(key)).toBe(false);
    key[31] = 0xff;
    expect(isAcceptableKey(key)).toBe(false);
  }
});

test.each([0, 31, 33])('%i bytes are no key', (length) => {
  expect(isAcceptableKey(new Uint8Array(length).fill(9))).toBe(false);
});

test('made keys are acceptable points', () => {
  const random = seededRandom(3);
  for (let i = 0; i < 20; i++) {
    const { publicKey } = SecretKey.generate(random);
    expect(toHex(decodePublicKey(publicKey).toBytes())).toBe(toHex(publicKey));
  }
});

test('looking at a key, given as a Buffer too, leaves it as it is', () => {
  const key = Buffer.alloc(32, 0xff);
  isAcceptableKey(key);
  expect(key).toEqual(Buffer.alloc(32, 0xff));
});

test('any 32 bytes decode exactly where the strict library accepts a point of large order', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      let accepted = true;
      try {
        decodePublicKey(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
        accepted = false;
      }
      expect(accepted).toBe(isLargeOrderPoint(bytes));
    }),
  );
});

function isLargeOrderPoint(bytes: Uint8Array): boolean {
  try {
    return !Point.fromBytes(bytes).isSmallOrder();
  } catch {
    return false;
  }
}
