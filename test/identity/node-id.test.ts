import { bech32, bech32m } from '@scure/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { PilotError } from '../../src/base/pilot-error.ts';
import { decodeNodeId, encodeNodeId, looksLikeNodeId } from '../../src/identity/node-id.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Those of bech32, and four that it leaves out. */
const CHARACTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7lbio1';
// RFC 8032, section 7.1, TEST 1
const KEY = fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
const ID = encodeNodeId(KEY);

function failure(text: string): PilotError {
  try {
    decodeNodeId(text);
  } catch (error) {
    if (error instanceof PilotError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

test('65 characters, and back', () => {
  expect(ID).toHaveLength(65);
  expect(ID.startsWith('pilot1q')).toBe(true);
  expect(toHex(decodeNodeId(ID))).toBe(toHex(KEY));
  const random = seededRandom(6);
  for (let i = 0; i < 20; i++) {
    const { publicKey } = SecretKey.generate(random);
    expect(toHex(decodeNodeId(encodeNodeId(publicKey)))).toBe(toHex(publicKey));
  }
});

test('all upper case is the same name (BIP 173: for QR codes)', () => {
  expect(decodeNodeId(ID.toUpperCase())).toEqual(KEY);
});

const words = (...extra: number[]): number[] => [...extra, ...bech32m.toWords(KEY)];
const withChecksum = (body: number[]): string => bech32m.encode('pilot', body);

test.each([
  ['empty', '', 'does not begin with "pilot1"'],
  ['another prefix', bech32m.encode('pilox', words(0)), 'does not begin with "pilot1"'],
  ['a hostname', 'alice', 'does not begin with "pilot1"'],
  ['mixed case', `${ID.slice(0, 64)}${ID.slice(64).toUpperCase()}`, 'mixes upper and lower case'],
  ['mixed case in the prefix', `Pilot${ID.slice(5)}`, 'mixes upper and lower case'],
  ['b is no bech32 character', `${ID.slice(0, 20)}b${ID.slice(21)}`, '"b" is not one of'],
  ['a space', `${ID} `, '" " is not one of'],
  ['an emoji', `${ID.slice(0, 64)}🦜`, '"🦜" is not one of'],
  ['a character lost', ID.slice(0, 64), 'has 64 characters instead of 65'],
  ['a character more', `${ID}q`, 'has 66 characters instead of 65'],
  ['prefix alone', 'pilot1', 'has 6 characters instead of 65'],
  ['two characters swapped', swap(ID, 30), 'checksum is wrong'],
  ['bech32 instead of bech32m', bech32.encode('pilot', words(0)), 'checksum is wrong'],
  ['version 1', withChecksum(words(1)), 'its version is 1'],
  ['version 31', withChecksum(words(31)), 'its version is 31'],
  ['padding bits set', withChecksum([...words(0).slice(0, -1), 31]), 'last bits are not zero'],
  [
    'no point of the curve',
    withChecksum([0, ...bech32m.toWords(Uint8Array.of(2, ...new Uint8Array(31)))]),
    'does not hold a public key',
  ],
])('refused: %s', (_, text, fault) => {
  const error = failure(text);
  expect(error.code).toBe('invalid_argument');
  expect(error.message).toContain(fault);
  expect(error.hint).toContain('pilotctl identity show');
});

test('a very long text is not echoed whole', () => {
  expect(failure('x'.repeat(10_000)).message.length).toBeLessThan(200);
});

describe('corruption', () => {
  const position = fc.nat({ max: ID.length - 1 });
  const replacement = fc.nat(CHARACTERS.length - 1).map((i) => CHARACTERS.charAt(i));

  test('any one changed character is noticed', () => {
    fc.assert(
      fc.property(position, replacement, (at, character) => {
        fc.pre(ID[at] !== character);
        failure(ID.slice(0, at) + character + ID.slice(at + 1));
      }),
      { numRuns: 1000 },
    );
  });

  test('up to four changed characters are noticed (the distance of the code in BIP 173)', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(position, replacement), { maxLength: 4 }), (changes) => {
        const text = changes.reduce(
          (before, [at, character]) => before.slice(0, at) + character + before.slice(at + 1),
          ID,
        );
        fc.pre(text !== ID);
        failure(text);
      }),
      { numRuns: 1000 },
    );
  });

  test('an inserted or deleted q before a final p, the weakness of bech32, is noticed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
        const id = encodeNodeId(SecretKey.generate(seededRandom(seed)).publicKey);
        failure(`${id.slice(0, -1)}q${id.slice(-1)}`);
        failure(id.slice(0, -2) + id.slice(-1));
      }),
      { numRuns: 50 },
    );
  });
});

test('arbitrary text fails with PilotError only', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((tail) => `pilot1${tail}`),
      ),
      (text) => {
        expect(failure(text).code).toBe('invalid_argument');
      },
    ),
  );
});

test.each([
  [ID, true],
  ['pilot1', true],
  ['PILOT1xyz', true],
  ['pilot', false],
  ['0:0000.0000.0010', false],
])('%s looks like a Node ID: %s', (text, looks) => {
  expect(looksLikeNodeId(text)).toBe(looks);
});

function swap(text: string, at: number): string {
  let left = at;
  while (text[left] === text[left + 1]) left += 1;
  const pair = `${text[left + 1] ?? ''}${text[left] ?? ''}`;
  return text.slice(0, left) + pair + text.slice(left + 2);
}
