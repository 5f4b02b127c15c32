import { expect, test } from 'vitest';

import { ByteWriter } from '../../src/base/byte-writer.ts';
import { fromHex, toHex } from '../../src/base/bytes.ts';

test('the bytes of each number', () => {
  const writer = new ByteWriter();
  writer.u8(1).u16(0x0203).u32(0x04050607).u64(Number.MAX_SAFE_INTEGER).bytes(fromHex('ffee'));
  expect(toHex(writer.finish())).toBe('01' + '0203' + '04050607' + '001fffffffffffff' + 'ffee');
});

test.each([
  ['u8', (writer: ByteWriter) => writer.u8(0xab), 'ab'],
  ['u16', (writer: ByteWriter) => writer.u16(0xabcd), 'abcd'],
  ['u32', (writer: ByteWriter) => writer.u32(0xabcdef01), 'abcdef01'],
  ['u64', (writer: ByteWriter) => writer.u64(0xabcdef), '0000000000abcdef'],
  ['bytes', (writer: ByteWriter) => writer.bytes(fromHex('abcdef')), 'abcdef'],
])('%s that makes it grow goes to the new buffer', (_, write, hex) => {
  for (let before = 0; before <= 4; before++) {
    const writer = new ByteWriter(4).bytes(new Uint8Array(before).fill(0x11));
    expect(toHex(write(writer).finish())).toBe('11'.repeat(before) + hex);
  }
});

test('what was finished stays when writing goes on', () => {
  const writer = new ByteWriter(8).u16(0x0102);
  const first = writer.finish();
  writer.u16(0x0304);
  expect(toHex(first)).toBe('0102');
  expect(toHex(writer.finish())).toBe('01020304');
});

test.each([-1, 1.5, 2 ** 53, Number.NaN])('u64 refuses %d', (value) => {
  expect(() => new ByteWriter().u64(value)).toThrow(RangeError);
});
