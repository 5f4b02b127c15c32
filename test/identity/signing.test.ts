import { verify as nobleVerify } from '@noble/ed25519';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { signStatement, verifyStatement } from '../../src/identity/signing.ts';
import { seededRandom } from '../support/seeded-random.ts';

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const secret = SecretKey.fromSeed(fromHex('07'.repeat(32)));
const statement = utf8('statement');

test('the signature covers the context, a zero byte and the statement', () => {
  const signature = signStatement(secret, 'batch', statement);
  const covered = concatBytes(utf8('pilot/1 batch'), Uint8Array.of(0), statement);
  expect(toHex(signature)).toBe(toHex(secret.sign(covered)));
  expect(verifyStatement(secret.publicKey, 'batch', statement, signature)).toBe(true);
});

test('a signature for one context is none for another', () => {
  const signature = signStatement(secret, 'relay-login', statement);
  expect(verifyStatement(secret.publicKey, 'relay-proof', statement, signature)).toBe(false);
});

test('any flipped bit of signature, statement or key is noticed', () => {
  const signature = signStatement(secret, 'batch', statement);
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2), fc.nat(511), (part, bit) => {
      const parts = [secret.publicKey.slice(), statement.slice(), signature.slice()] as const;
      const target = parts[part];
      const at = (bit >> 3) % target.length;
      target[at] = (target[at] ?? 0) ^ (1 << (bit & 7));
      expect(verifyStatement(parts[0], 'batch', parts[1], parts[2])).toBe(false);
    }),
  );
});

describe('strict', () => {
  test('S + L is no second signature (RFC 8032, 5.1.7)', () => {
    const signature = signStatement(secret, 'batch', statement);
    const s = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + GROUP_ORDER;
    const moved = signature.slice();
    moved.set(fromHex(s.toString(16).padStart(64, '0')).reverse(), 32);
    expect(verifyStatement(secret.publicKey, 'batch', statement, moved)).toBe(false);
  });

  test('a key of small order, under which 0 signs everything, signs nothing', () => {
    const key = Uint8Array.of(1, ...new Uint8Array(31));
    const signature = Uint8Array.of(1, ...new Uint8Array(63));
    expect(nobleVerify(signature, utf8('anything'), key)).toBe(true);
    expect(verifyStatement(key, 'batch', statement, signature)).toBe(false);
  });

  test('no key, no signature: false, never an error', () => {
    const signature = signStatement(secret, 'batch', statement);
    expect(verifyStatement(new Uint8Array(31), 'batch', statement, signature)).toBe(false);
    expect(verifyStatement(secret.publicKey, 'batch', statement, new Uint8Array(63))).toBe(false);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        (key, noise) => {
          expect(verifyStatement(key, 'batch', statement, noise)).toBe(false);
        },
      ),
    );
  });
});

test('it accepts what the library signs and verifies strictly', () => {
  const random = seededRandom(5);
  for (let i = 0; i < 30; i++) {
    const signer = SecretKey.generate(random);
    const message = random(i * 7);
    const signature = signStatement(signer, 'node-record', message);
    const covered = concatBytes(utf8('pilot/1 node-record'), Uint8Array.of(0), message);
    expect(nobleVerify(signature, covered, signer.publicKey, { zip215: false })).toBe(true);
    expect(verifyStatement(signer.publicKey, 'node-record', message, signature)).toBe(true);
  }
});
