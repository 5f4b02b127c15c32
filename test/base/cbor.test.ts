import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { type CborValue, decodeCbor, encodeCbor } from '../../src/base/cbor.ts';
import { CborFields } from '../../src/base/cbor-fields.ts';
import { WireError } from '../../src/base/wire-error.ts';

/** RFC 8949, appendix A, those that are in our part of the format. */
const EXAMPLES: readonly (readonly [hex: string, value: CborValue])[] = [
  ['00', 0],
  ['17', 23],
  ['1818', 24],
  ['1903e8', 1000],
  ['1a000f4240', 1_000_000],
  ['1b000000e8d4a51000', 1_000_000_000_000],
  ['20', -1],
  ['3863', -100],
  ['fb3ff199999999999a', 1.1],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['40', new Uint8Array()],
  ['4401020304', new Uint8Array([1, 2, 3, 4])],
  ['6449455446', 'IETF'],
  ['62c3bc', 'ü'],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  [
    'a26161016162820203',
    new Map<string, CborValue>([
      ['a', 1],
      ['b', [2, 3]],
    ]),
  ],
];

const REFUSED: readonly (readonly [why: string, hex: string])[] = [
  ['nothing', ''],
  ['bytes after the value', '0000'],
  ['a tag', 'c074323031332d30332d32315432303a30343a30305a'],
  ['a bignum', 'c249010000000000000000'],
  ['a number above 2^53', '1bffffffffffffffff'],
  ['indefinite bytes', '5f42010243030405ff'],
  ['an indefinite array', '9f01ff'],
  ['half precision', 'f93c00'],
  ['undefined', 'f7'],
  ['a break', 'ff'],
  ['a truncated string', '4401'],
  ['an array longer than its bytes', '9a7fffffff00'],
  ['a map longer than its bytes', 'ba7fffffff00'],
  ['a number as key', 'a10102'],
  ['a key twice', 'a2616101616102'],
  ['text that is not UTF-8', '62c328'],
  ['values without end', `99ffff${'00'.repeat(0xffff)}`],
  ['nesting without end', '81'.repeat(20) + '00'],
];

describe('RFC 8949 appendix A', () => {
  test.each(EXAMPLES)('%s', (hex, value) => {
    expect(decodeCbor(fromHex(hex))).toEqual(value);
  });
});

test.each(REFUSED)('refuses %s', (_why, hex) => {
  expect(() => decodeCbor(fromHex(hex))).toThrow(WireError);
});

test('encodes without tags, records or padding, and leaves out what is undefined', () => {
  const bytes = encodeCbor({ t: 'a', n: 1, b: new Uint8Array([1, 2]), none: undefined, l: [true] });
  expect(toHex(bytes)).toBe('a4617461616' + '16e016162420102616c81f5');
});

test('what is encoded is decoded again', () => {
  const leaf = fc.oneof(
    fc.maxSafeInteger(),
    // Adding 0 makes -0 plain 0, which is what the integer form keeps of it.
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
  );
  const value = fc.dictionary(fc.string(), fc.oneof(leaf, fc.array(leaf)), { maxKeys: 8 });
  fc.assert(
    fc.property(value, (object) => {
      const decoded = decodeCbor(encodeCbor(object));
      expect([...(decoded as Map<string, CborValue>)]).toEqual(Object.entries(object));
    }),
  );
});

test('random bytes are decoded or refused with WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeCbor(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
    { numRuns: 2000 },
  );
});

describe('fields', () => {
  const fields = CborFields.decode(
    encodeCbor({
      key: new Uint8Array(4),
      name: 'abc',
      at: 1.7e12,
      on: true,
      in: { x: 1 },
      no: null,
    }),
  );

  test('are read as what they must be', () => {
    expect(fields.bytes('key', { exactly: 4 })).toHaveLength(4);
    expect(fields.text('name', { atMost: 3 })).toBe('abc');
    expect(fields.count('at')).toBe(1.7e12);
    expect(fields.flag('on')).toBe(true);
    expect(fields.map('in').count('x')).toBe(1);
    expect(fields.has('key')).toBe(true);
    expect(fields.has('no')).toBe(false);
    expect(fields.has('absent')).toBe(false);
  });

  test.each([
    ['wrong length', () => fields.bytes('key', { exactly: 5 })],
    ['too long', () => fields.text('name', { atMost: 2 })],
    ['bytes for text', () => fields.text('key', {})],
    ['text for bytes', () => fields.bytes('name', {})],
    ['absent', () => fields.count('absent')],
    ['not a count', () => fields.count('name')],
    ['not a flag', () => fields.flag('at')],
    ['not a list', () => fields.list('at', {})],
    ['not a map', () => fields.map('at')],
    ['not bytes of that length', () => fields.bytesList('key', { each: 1 })],
    ['not a map at all', () => CborFields.decode(fromHex('01'))],
  ])('refuses %s', (_why, read) => {
    expect(read).toThrow(WireError);
  });
});
