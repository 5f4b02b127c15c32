import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { Identity } from '../../src/identity/identity.ts';
import {
  decodeIdentityDocument,
  encodeIdentityDocument,
} from '../../src/identity/identity-document.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom(13);
const fresh = Identity.create(random, Date.UTC(2026, 1, 2, 3, 4, 5, 6));
const rotated = fresh.rotate(random, Date.UTC(2026, 5, 1));

test.each([
  ['new', fresh],
  ['rotated', rotated],
])('a %s identity and back', (_, identity) => {
  const decoded = decodeIdentityDocument(encodeIdentityDocument(identity), 1);
  expect(toHex(decoded.chain.encode())).toBe(toHex(identity.chain.encode()));
  expect(decoded.secret.exposeSeed()).toEqual(identity.secret.exposeSeed());
  expect(decoded.createdAtMs).toBe(identity.createdAtMs);
});

test('it has the members that the pilotctl interface names (1.4), and ours', () => {
  const document = JSON.parse(encodeIdentityDocument(rotated)) as Record<string, string>;
  expect(Object.keys(document)).toEqual([
    'public_key',
    'private_key',
    'created',
    'first_public_key',
    'chain',
  ]);
  expect(document['created']).toBe('2026-02-02T03:04:05.006Z');
  const privateKey = Buffer.from(document['private_key'] ?? '', 'base64');
  expect(privateKey).toHaveLength(64);
  expect(privateKey.subarray(32).toString('base64')).toBe(document['public_key']);
  expect(document['first_public_key']).toBe(Buffer.from(fresh.firstKey).toString('base64'));
});

// RFC 8032, section 7.1, TEST 1
const FOREIGN = {
  public_key: '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
  private_key:
    'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==',
};

test('a file of another program: the key is its own first', () => {
  const identity = decodeIdentityDocument(JSON.stringify(FOREIGN), 77);
  expect(toHex(identity.firstKey)).toBe(
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
  expect([identity.chain.length, identity.createdAtMs]).toEqual([0, 77]);
});

describe('refused', () => {
  const other = SecretKey.fromSeed(fromHex('05'.repeat(32))).publicKey;
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const whole = JSON.parse(encodeIdentityDocument(rotated)) as Record<string, unknown>;
  test.each<[string, unknown, string]>([
    ['null', null, 'not a JSON object'],
    ['a number', 7, 'not a JSON object'],
    ['nothing in it', {}, 'public_key is missing'],
    ['no private key', { public_key: FOREIGN.public_key }, 'private_key is missing'],
    ['a key that is a number', { ...FOREIGN, private_key: 5 }, 'private_key is not base64'],
    ['a key that is not base64', { ...FOREIGN, public_key: '{}' }, 'public_key is not base64'],
    ['31 bytes', { ...FOREIGN, private_key: base64(new Uint8Array(31)) }, 'too short'],
    ['a seed alone', { ...FOREIGN, private_key: base64(new Uint8Array(32)) }, 'belong together'],
    ["another's public key", { ...FOREIGN, public_key: base64(other) }, 'belong together'],
    ['no time', { ...FOREIGN, created: 'yesterday' }, 'created'],
    ['a time that is a number', { ...FOREIGN, created: 5 }, 'created'],
    ['another first key', { ...whole, first_public_key: base64(other) }, 'first_public_key'],
    [
      'a rotated key without its chain',
      { ...whole, chain: undefined },
      'first_public_key is not where the chain begins',
    ],
    ['the chain before rotation', { ...whole, chain: base64(fresh.chain.encode()) }, 'chain ends'],
    ['a broken chain', { ...whole, chain: base64(new Uint8Array(40)) }, 'length'],
  ])('%s', (_, document, fault) => {
    expect(() => decodeIdentityDocument(JSON.stringify(document), 0)).toThrow(WireError);
    expect(() => decodeIdentityDocument(JSON.stringify(document), 0)).toThrow(fault);
  });

  test('a cut-off text, without quoting it', () => {
    const text = encodeIdentityDocument(fresh);
    for (let length = 0; length < text.trimEnd().length; length++) {
      expect(() => decodeIdentityDocument(text.slice(0, length), 0)).toThrow(
        new WireError('not JSON'),
      );
    }
  });

  test('arbitrary JSON, with WireError only', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => decodeIdentityDocument(text, 0)).toThrow(WireError);
      }),
    );
  });
});
