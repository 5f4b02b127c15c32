import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ByteReader } from '../../src/base/byte-reader.ts';
import { ByteWriter } from '../../src/base/byte-writer.ts';
import { fromHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';

test('big-endian numbers, one after another', () => {
  const reader = new ByteReader(fromHex('01' + '0203' + '04050607' + '0000000008090a0b' + 'ffee'));
  expect(reader.u8()).toBe(1);
  expect(reader.u16()).toBe(0x0203);
  expect(reader.u32()).toBe(0x04050607);
  expect(reader.u64()).toBe(0x08090a0b);
  expect(reader.remaining).toBe(2);
  expect(reader.rest()).toEqual(Uint8Array.of(0xff, 0xee));
  expect(reader.rest()).toEqual(new Uint8Array());
});

test('a part of a larger buffer is read from its own beginning', () => {
  const whole = fromHex('aabbccddee');
  expect(new ByteReader(whole.subarray(2, 4)).u16()).toBe(0xccdd);
});

test('bytes are a view, not a copy', () => {
  const bytes = fromHex('0102');
  const view = new ByteReader(bytes).bytes(2);
  bytes[0] = 9;
  expect(view[0]).toBe(9);
});

test('of a Buffer too the slice of what was read is a copy', () => {
  const buffer = Buffer.from('aabbcc', 'hex').subarray(1);
  const copy = new ByteReader(buffer).bytes(2).slice();
  buffer.fill(0);
  expect(copy).toEqual(fromHex('bbcc'));
});

describe('it refuses to pass the end and stays where it was', () => {
  test.each([
    ['u8', 0, (reader: ByteReader) => reader.u8()],
    ['u16', 1, (reader: ByteReader) => reader.u16()],
    ['u32', 3, (reader: ByteReader) => reader.u32()],
    ['u64', 7, (reader: ByteReader) => reader.u64()],
    ['bytes', 2, (reader: ByteReader) => reader.bytes(3)],
    ['bytes of a negative length', 2, (reader: ByteReader) => reader.bytes(-1)],
  ])('%s', (_, length, read) => {
    const reader = new ByteReader(new Uint8Array(length));
    expect(() => read(reader)).toThrow(WireError);
    expect(reader.remaining).toBe(length);
  });
});

test('a 64-bit number above 2^53 - 1 is malformed', () => {
  expect(new ByteReader(fromHex('001fffffffffffff')).u64()).toBe(Number.MAX_SAFE_INTEGER);
  expect(() => new ByteReader(fromHex('0020000000000000')).u64()).toThrow(WireError);
});

test('what the writer wrote is what the reader reads', () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
    fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
    fc.record({
      kind: fc.constant('u32' as const),
      value: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    }),
    fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 100 }) }),
  );
  fc.assert(
    fc.property(fc.array(field), fc.integer({ min: 0, max: 8 }), (fields, capacity) => {
      const writer = new ByteWriter(capacity);
      for (const each of fields) {
        if (each.kind === 'bytes') writer.bytes(each.value);
        else writer[each.kind](each.value);
      }
      const reader = new ByteReader(writer.finish());
      for (const each of fields) {
        if (each.kind === 'bytes') expect(reader.bytes(each.value.length)).toEqual(each.value);
        else expect(reader[each.kind]()).toBe(each.value);
      }
      expect(reader.remaining).toBe(0);
    }),
  );
});
