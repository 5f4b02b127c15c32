import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { x25519FromEd25519 } from '../../src/identity/x25519.ts';
import { seededRandom } from '../support/seeded-random.ts';

test('the known answer of libsodium (test/default/ed25519_convert)', () => {
  const seed = fromHex('421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee');
  expect(toHex(x25519FromEd25519(SecretKey.fromSeed(seed).publicKey))).toBe(
    'f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50',
  );
});

test('the map agrees with @noble/curves, and with the secret image of the same key', () => {
  const random = seededRandom(4);
  for (let i = 0; i < 50; i++) {
    const secret = SecretKey.generate(random);
    const image = x25519FromEd25519(secret.publicKey);
    expect(image).toEqual(ed25519.utils.toMontgomery(secret.publicKey));
    expect(image).toEqual(x25519.getPublicKey(secret.x25519Secret()));
  }
});

test.each([
  ['y = 1, where the map divides by zero', `01${'00'.repeat(31)}`],
  ['small order', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
  ['not on the curve', `02${'00'.repeat(31)}`],
  ['y = p + 3, a second encoding', `f0${'ff'.repeat(30)}7f`],
  ['31 bytes', '58'.repeat(31)],
])('refused: %s', (_, hex) => {
  expect(() => x25519FromEd25519(fromHex(hex))).toThrow(WireError);
});
