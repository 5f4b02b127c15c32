import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { concatBytes, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { KeyChain, MAX_CERTIFICATES, MAX_KEY_CHAIN_BYTES } from '../../src/identity/key-chain.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { signStatement } from '../../src/identity/signing.ts';
import { seededRandom } from '../support/seeded-random.ts';

const secrets = (() => {
  const random = seededRandom(9);
  return Array.from({ length: 5 }, () => SecretKey.generate(random));
})();
const [a, b, c, d, e] = secrets as [SecretKey, SecretKey, SecretKey, SecretKey, SecretKey];
const one = KeyChain.start(a.publicKey);
const two = one.rotate(a, b.publicKey, 1_000);
const three = two.rotate(b, c.publicKey, 2_000);

test('a chain knows its first and its current key', () => {
  expect([one.length, two.length, three.length]).toEqual([0, 1, 2]);
  for (const chain of [one, two, three]) expect(chain.firstKey).toEqual(a.publicKey);
  expect([one, two, three].map((chain) => toHex(chain.currentKey))).toEqual(
    [a, b, c].map((secret) => toHex(secret.publicKey)),
  );
  expect([one, two, three].map((chain) => chain.issuedAtMs)).toEqual([undefined, 1_000, 2_000]);
});

test('the bytes: first key, count, certificates of 104', () => {
  const issuedAt = Uint8Array.of(0, 0, 0, 0, 0, 0, 3, 232);
  const statement = concatBytes(a.publicKey, Uint8Array.of(0, 1), b.publicKey, issuedAt);
  const signature = signStatement(a, 'key-certificate', statement);
  expect(toHex(two.encode())).toBe(
    toHex(concatBytes(a.publicKey, Uint8Array.of(1), b.publicKey, issuedAt, signature)),
  );
  expect(one.encode()).toHaveLength(33);
  expect(three.encode()).toHaveLength(33 + 2 * 104);
});

test.each([
  ['bytes', three.encode()],
  ['a Buffer', Buffer.from(three.encode())],
])('decode gives back what was encoded, independent of the %s it came in', (_, bytes) => {
  const decoded = KeyChain.decode(bytes);
  bytes.fill(0);
  expect(toHex(decoded.encode())).toBe(toHex(three.encode()));
});

describe('extends', () => {
  const fork = two.rotate(b, d.publicKey, 2_000);
  const other = KeyChain.start(e.publicKey);
  const earlier = one.rotate(a, b.publicKey, 999);
  test.each([
    ['itself', three, three, true],
    ['rotated since', three, one, true],
    ['rotated once since', three, two, true],
    ['an older state', two, three, false],
    ['a fork of the same length', fork, three, false],
    ['a longer fork', fork.rotate(d, e.publicKey, 3_000), three, false],
    ['the same keys certified at another time', earlier, two, false],
    ['another node', other, one, false],
  ])('%s', (_, chain, known, extended) => {
    expect(chain.extends(known)).toBe(extended);
  });
});

describe('decode refuses', () => {
  const whole = three.encode();
  const certificate = whole.slice(33, 33 + 104);
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a key without a count', whole.slice(0, 32)],
    ['bytes after it', concatBytes(whole, Uint8Array.of(0))],
    ['a count too high', changed(whole, 32, 3)],
    ['a count too low', changed(whole, 32, 1)],
    ['65 certificates', longChain(65)],
    ['the certificates in another order', reordered(whole)],
    ['a certificate of another first key', concatBytes(e.publicKey, whole.slice(32))],
    [
      'a certificate twice',
      concatBytes(whole.slice(0, 32), Uint8Array.of(2), certificate, certificate),
    ],
    ['a first key of small order', concatBytes(Uint8Array.of(1), new Uint8Array(32))],
    ['a first key off the curve', concatBytes(Uint8Array.of(2), new Uint8Array(32))],
    ['a current key off the curve', certified(Uint8Array.of(2, ...new Uint8Array(31)))],
    ['a current key of small order', certified(Uint8Array.of(1, ...new Uint8Array(31)))],
    ['a return to an earlier key', certified(a.publicKey)],
  ])('%s', (_, bytes) => {
    expect(() => KeyChain.decode(bytes)).toThrow(WireError);
  });

  test('every truncation', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => KeyChain.decode(whole.slice(0, length))).toThrow(WireError);
    }
  });

  test('every flipped bit', () => {
    fc.assert(
      fc.property(fc.nat(whole.length * 8 - 1), (bit) => {
        const bytes = whole.slice();
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => KeyChain.decode(bytes)).toThrow(WireError);
      }),
    );
  });
});

test('random bytes fail with WireError only', () => {
  const key = fc.constant(a.publicKey);
  const body = fc.uint8Array({ maxLength: 300 });
  const prefixed = fc.tuple(key, body).map(([first, rest]) => concatBytes(first, rest));
  fc.assert(
    fc.property(fc.oneof(body, prefixed), (bytes) => {
      try {
        KeyChain.decode(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
  );
});

test('rotation by another key, or to a key that is none, is refused', () => {
  expect(() => two.rotate(a, c.publicKey, 1)).toThrow(WireError);
  expect(() => two.rotate(b, new Uint8Array(32), 1)).toThrow(WireError);
  expect(() => two.rotate(b, a.publicKey, 1)).toThrow(WireError);
});

test('a full chain is at its bound and takes no more', () => {
  const bytes = longChain(MAX_CERTIFICATES);
  expect(bytes).toHaveLength(MAX_KEY_CHAIN_BYTES);
  const chain = KeyChain.decode(bytes);
  expect(chain.length).toBe(MAX_CERTIFICATES);
  const { secret } = longChainSecret(MAX_CERTIFICATES);
  expect(() => chain.rotate(secret, e.publicKey, 0)).toThrow(RangeError);
});

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

function reordered(bytes: Uint8Array): Uint8Array {
  return concatBytes(bytes.slice(0, 33), bytes.slice(137), bytes.slice(33, 137));
}

/** `two` and one certificate more, rightly signed, for whatever key. */
function certified(key: Uint8Array): Uint8Array {
  const signed = concatBytes(key, new Uint8Array(8));
  const statement = concatBytes(a.publicKey, Uint8Array.of(0, 2), signed);
  const signature = signStatement(b, 'key-certificate', statement);
  const bytes = concatBytes(two.encode(), signed, signature);
  bytes[32] = 2;
  return bytes;
}

/** Built byte by byte, since `rotate` would not make one that is too long. */
function longChainSecret(length: number): { bytes: Uint8Array; secret: SecretKey } {
  const random = seededRandom(10);
  const parts = [a.publicKey, Uint8Array.of(length)];
  let secret = a;
  for (let index = 1; index <= length; index++) {
    const next = SecretKey.generate(random);
    const signed = concatBytes(next.publicKey, new Uint8Array(8));
    const statement = concatBytes(a.publicKey, Uint8Array.of(0, index), signed);
    parts.push(signed, signStatement(secret, 'key-certificate', statement));
    secret = next;
  }
  return { bytes: concatBytes(...parts), secret };
}

function longChain(length: number): Uint8Array {
  return longChainSecret(length).bytes;
}
