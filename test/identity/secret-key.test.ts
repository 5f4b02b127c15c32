import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import { ed25519 } from '@noble/curves/ed25519.js';
import { expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { seededRandom } from '../support/seeded-random.ts';

// RFC 8032, section 7.1
const RFC_8032 = [
  {
    name: 'TEST 1',
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    name: 'TEST 2',
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    name: 'TEST 3',
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
];

test.each(RFC_8032)('RFC 8032 $name', ({ seed, publicKey, message, signature }) => {
  const secret = SecretKey.fromSeed(fromHex(seed));
  expect(toHex(secret.publicKey)).toBe(publicKey);
  expect(toHex(secret.sign(fromHex(message)))).toBe(signature);
});

test('the X25519 secret is the one of libsodium (test/default/ed25519_convert)', () => {
  const seed = fromHex('421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee');
  expect(toHex(SecretKey.fromSeed(seed).x25519Secret())).toBe(
    '8052030376d47112be7f73ed7a019293dd12ad910b654455798b4667d73de166',
  );
});

test('the X25519 secret is the one that @noble/curves derives', () => {
  const random = seededRandom(1);
  for (let i = 0; i < 20; i++) {
    const secret = SecretKey.generate(random);
    expect(secret.x25519Secret()).toEqual(ed25519.utils.toMontgomerySecret(secret.exposeSeed()));
  }
});

test('no way of printing shows the secret', () => {
  const seed = fromHex('11'.repeat(32));
  const secret = SecretKey.fromSeed(seed);
  expect(String(secret)).toBe('[secret]');
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
  expect(inspect({ secret }, { showHidden: true, depth: 9 })).toBe('{ secret: [secret] }');
  expect(Object.values(secret)).toEqual([secret.publicKey]);
});

test('what the caller does to its seed changes nothing', () => {
  const seed = new Uint8Array(randomBytes(32));
  const secret = SecretKey.fromSeed(seed);
  const before = seed.slice();
  seed.fill(0);
  secret.exposeSeed().fill(0);
  expect(secret.exposeSeed()).toEqual(before);
});

test('after erase every use of the secret throws; the public key stays', () => {
  const secret = SecretKey.generate(seededRandom(2));
  const publicKey = secret.publicKey.slice();
  secret.erase();
  secret.erase();
  expect(() => secret.sign(new Uint8Array(1))).toThrow('erased');
  expect(() => secret.x25519Secret()).toThrow('erased');
  expect(() => secret.exposeSeed()).toThrow('erased');
  expect(secret.publicKey).toEqual(publicKey);
});

test.each([0, 31, 33, 64])('a seed of %i bytes is refused', (length) => {
  expect(() => SecretKey.fromSeed(new Uint8Array(length))).toThrow(RangeError);
});

test('no key is made of bytes that are not random', () => {
  expect(() => SecretKey.generate((length) => new Uint8Array(length))).toThrow('not random');
  expect(() => SecretKey.generate((length) => new Uint8Array(length).fill(7))).toThrow();
});
