import { expect, test } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { Identity } from '../../src/identity/identity.ts';
import { KeyChain } from '../../src/identity/key-chain.ts';
import { encodeNodeId } from '../../src/identity/node-id.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { verifyStatement } from '../../src/identity/signing.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom(11);

test('a new identity is its own first key', () => {
  const identity = Identity.create(random, 5_000);
  expect(identity.firstKey).toEqual(identity.secret.publicKey);
  expect(identity.currentKey).toEqual(identity.firstKey);
  expect(identity.nodeId).toBe(encodeNodeId(identity.firstKey));
  expect([identity.createdAtMs, identity.keyIssuedAtMs]).toEqual([5_000, 5_000]);
});

test('rotation keeps the names and changes the key that signs', () => {
  const before = Identity.create(random, 5_000);
  const after = before.rotate(random, 9_000);
  expect(after.nodeId).toBe(before.nodeId);
  expect(after.chain.extends(before.chain)).toBe(true);
  expect([after.createdAtMs, after.keyIssuedAtMs]).toEqual([5_000, 9_000]);
  const signature = after.sign('batch', utf8('x'));
  expect(verifyStatement(after.currentKey, 'batch', utf8('x'), signature)).toBe(true);
  expect(verifyStatement(before.currentKey, 'batch', utf8('x'), signature)).toBe(false);
});

test('rotation changes nothing until the identity becomes the new one', () => {
  const identity = Identity.create(random, 0);
  const { nodeId, secret } = identity;
  const renewed = identity.rotate(random, 1);
  expect(identity.sign('batch', utf8('x'))).toHaveLength(64);
  expect(identity.chain.length).toBe(0);
  identity.become(renewed);
  expect([identity.nodeId, identity.keyIssuedAtMs]).toEqual([nodeId, 1]);
  expect(identity.currentKey).toEqual(renewed.currentKey);
  const signature = identity.sign('batch', utf8('x'));
  expect(verifyStatement(renewed.currentKey, 'batch', utf8('x'), signature)).toBe(true);
  expect(() => secret.exposeSeed()).toThrow('erased');
});

test('an identity becomes nothing but a later state of itself', () => {
  const identity = Identity.create(random, 0);
  const fork = identity.rotate(random, 1);
  const earlier = new Identity(identity.chain, SecretKey.fromSeed(identity.secret.exposeSeed()), 0);
  identity.become(identity.rotate(random, 2));
  for (const other of [fork, earlier, Identity.create(random, 3)]) {
    expect(() => {
      identity.become(other);
    }).toThrow(RangeError);
  }
  expect(identity.secret.exposeSeed()).toHaveLength(32);
});

test('a secret that is not of the current key is refused', () => {
  const chain = KeyChain.start(SecretKey.generate(random).publicKey);
  expect(() => new Identity(chain, SecretKey.generate(random), 0)).toThrow(RangeError);
});
