import fc from 'fast-check';
import { expect, test } from 'vitest';

import { concatBytes, equalBytes, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';

test('hex and back, of any bytes and of a part of a buffer', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(fromHex(toHex(bytes))).toEqual(bytes);
    }),
  );
  expect(toHex(fromHex('00ff10ab').subarray(1, 3))).toBe('ff10');
});

test.each([
  ['', '', true],
  ['0102', '0102', true],
  ['0102', '0103', false],
  ['0102', '010200', false],
  ['', '00', false],
])('%j equals %j: %s', (a, b, equal) => {
  expect(equalBytes(fromHex(a), fromHex(b))).toBe(equal);
});

test('concat copies', () => {
  const part = fromHex('01');
  const whole = concatBytes(part, new Uint8Array(), fromHex('0203'));
  part[0] = 9;
  expect(whole).toEqual(fromHex('010203'));
});

test('text is UTF-8', () => {
  expect(toHex(utf8('é'))).toBe('c3a9');
});
