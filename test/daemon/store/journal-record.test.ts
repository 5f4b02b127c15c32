import fc from 'fast-check';
import { expect, test } from 'vitest';

import { fromHex, toHex } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/base/wire-error.ts';
import {
  BLOCK_BYTES,
  bodyBytesOf,
  decodeWrites,
  findRecords,
  makeRecord,
  recordBytesOf,
  sealRecord,
} from '../../../src/daemon/store/journal-record.ts';
import { Overlay, textOfKey, valueOf } from '../../../src/daemon/store/overlay.ts';
import { TABLES, type Write } from '../../../src/daemon/store/storage.ts';

const SALT = fromHex('0102030405060708');

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Uint8Array.from(array));
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ table: fc.constantFrom(...TABLES), key: bytes(60), value: bytes(5000) }),
  fc.record({ table: fc.constantFrom(...TABLES), key: bytes(60) }),
);

function sealed(writes: readonly Write[], sequence: number): Uint8Array {
  const record = makeRecord(writes);
  sealRecord(record, SALT, sequence);
  return Uint8Array.from(record.bytes);
}

test('a record has these bytes', () => {
  const file = sealed(
    [
      { table: 'inbox', key: fromHex('0000000000000007'), value: fromHex('c0ffee') },
      { table: 'seen', key: fromHex('aa') },
    ],
    0x1_0000_0002,
  );
  expect(file).toHaveLength(BLOCK_BYTES);
  expect(toHex(file.subarray(0, 44))).toBe(
    '0000001c' + // length
      'd0cbab71' + // checksum, by another program
      '0000000100000002' + // sequence
      '05010008000000030000000000000007c0ffee' + // inbox 7 = c0ffee
      '0700000100000000aa', // seen aa is removed
  );
  expect(file.subarray(44).every((byte) => byte === 0)).toBe(true);
});

test('what was written is found again, with what else stands in the file', () => {
  const batches = fc.array(fc.array(write, { minLength: 1, maxLength: 5 }), { maxLength: 5 });
  fc.assert(
    fc.property(batches, fc.nat(1000), (all, first) => {
      const file = Buffer.concat(all.map((writes, i) => sealed(writes, first + i)));
      const found = [...findRecords(file, SALT)];
      expect(found.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => first + i));
      expect(found.map(({ body }) => decodeWrites(body))).toEqual(all);
      expect(found.at(-1)?.end ?? 0).toBe(file.length);
      for (const writes of all) {
        expect(makeRecord(writes).bytes).toHaveLength(recordBytesOf(bodyBytesOf(writes)));
      }
    }),
  );
});

test('a record keeps what it was made of, whatever becomes of that', () => {
  const value = Uint8Array.of(1, 2, 3);
  const key = Uint8Array.of(9);
  const { entries } = makeRecord([{ table: 'seen', key, value }]);
  const text = textOfKey(key);
  value.fill(0);
  key.fill(0);
  const entry = Overlay.of(entries).get('seen', text);
  expect(entry && valueOf(entry)).toEqual(Uint8Array.of(1, 2, 3));
});

test('no change of a byte passes for a record, nor does that of another database', () => {
  const file = sealed([{ table: 'seen', key: Uint8Array.of(1), value: new Uint8Array(100) }], 5);
  fc.assert(
    fc.property(fc.nat(123), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const other = file.slice();
      other[at] = (other[at] ?? 0) ^ change;
      expect([...findRecords(other, SALT)]).toEqual([]);
    }),
  );
  expect([...findRecords(file, fromHex('0102030405060709'))]).toEqual([]);
});

test('bytes of any kind are no record, or a WireError at worst', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3 * BLOCK_BYTES, size: 'max' }), (file) => {
      expect([...findRecords(file, SALT)]).toEqual([]);
    }),
    { numRuns: 50 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
      try {
        decodeWrites(body);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
  );
});
