import fc from 'fast-check';
import { expect, test } from 'vitest';

import { fromHex } from '../../src/base/bytes.ts';
import { parseIpAddress } from '../../src/base/ip-address.ts';
import { formatIpAddress } from '../../src/base/ip-text.ts';

test.each([
  ['c0000207', '192.0.2.7'],
  ['20010db8000000000000000000000001', '2001:db8::1'],
  ['20010db8000000010000000000000001', '2001:db8:0:1::1'],
  ['00000000000000000000000000000000', '::'],
  ['00000000000000000000000000000001', '::1'],
  ['20010db8000000000000000000000000', '2001:db8::'],
  ['20010000000000010000000000000001', '2001:0:0:1::1'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['20010db8000100000001000100010001', '2001:db8:1:0:1:1:1:1'],
  ['20010db8000a0b0c00010002abcdef01', '2001:db8:a:b0c:1:2:abcd:ef01'],
  ['c000', undefined],
])('%s is %s', (hex, text) => {
  expect(formatIpAddress(fromHex(hex))).toBe(text);
});

test('what is written is read as the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const text = formatIpAddress(bytes);
      expect(parseIpAddress(text ?? '')).toEqual(bytes);
    }),
  );
});
