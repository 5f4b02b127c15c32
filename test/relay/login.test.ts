import { describe, expect, test } from 'vitest';

import { equalBytes } from '../../src/base/bytes.ts';
import { Identity } from '../../src/identity/identity.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import type { Challenge } from '../../src/relay/control-message.ts';
import {
  answerChallenge,
  checkLogin,
  commonVersion,
  isProven,
  loginStatement,
  makeChallenge,
  makeWelcome,
  tokenProof,
} from '../../src/relay/login.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom(11);
const relay = SecretKey.generate(random);
const node = Identity.create(random, 0);
const nonce = random(32);
const instance = random(16);
const told = { limits: { frameBytes: 1, bodyBytes: 1, watch: 1 }, timeMs: 5 };

describe('both prove themselves', () => {
  test('with the first key', () => {
    const challenge = makeChallenge(relay.publicKey, random);
    const login = answerChallenge(challenge, { identity: node, instance, nonce });
    const verdict = checkLogin(challenge, login);
    if ('refused' in verdict) throw new Error(verdict.refused);
    const welcome = makeWelcome({ secret: relay, challenge }, { ...verdict, login }, told);
    expect(isProven(challenge, { identity: node, nonce }, welcome)).toBe(true);
  });

  test('with a key that was rotated', () => {
    const rotated = node.rotate(random, 1);
    const challenge = makeChallenge(relay.publicKey, random);
    const login = answerChallenge(challenge, { identity: rotated, instance, nonce });
    const verdict = checkLogin(challenge, login);
    expect('chain' in verdict && equalBytes(verdict.chain.firstKey, node.firstKey)).toBe(true);
  });
});

describe('a relay refuses', () => {
  const challenge = makeChallenge(relay.publicKey, random);
  const login = answerChallenge(challenge, { identity: node, instance, nonce });

  test('a login for another relay', () => {
    const other = { ...challenge, key: SecretKey.generate(random).publicKey };
    const misdirected = answerChallenge(other, { identity: node, instance, nonce });
    expect(checkLogin(challenge, misdirected)).toEqual({ refused: 'bad_signature' });
  });

  test('a login for another challenge', () => {
    const later = makeChallenge(relay.publicKey, random);
    expect(checkLogin(later, login)).toEqual({ refused: 'bad_signature' });
  });

  test('a login with the nonce of another', () => {
    const changed = { ...login, nonce: random(32) };
    expect(checkLogin(challenge, changed)).toEqual({ refused: 'bad_signature' });
  });

  test('a chain with a certificate of somebody else', () => {
    const forged = node.rotate(random, 1).chain.encode();
    const last = forged.length - 1;
    forged[last] = (forged[last] ?? 0) ^ 1;
    expect(checkLogin(challenge, { ...login, chain: forged })).toEqual({ refused: 'bad_login' });
  });

  test('a signature by the key before the current one', () => {
    const rotated = node.rotate(random, 1).chain.encode();
    expect(checkLogin(challenge, { ...login, chain: rotated })).toEqual({
      refused: 'bad_signature',
    });
  });
});

describe('a node refuses', () => {
  const challenge = makeChallenge(relay.publicKey, random);
  const login = answerChallenge(challenge, { identity: node, instance, nonce });
  const welcomeBy = (
    secret: SecretKey,
    changed: Partial<Challenge> = {},
  ): ReturnType<typeof makeWelcome> =>
    makeWelcome(
      { secret, challenge: { ...challenge, ...changed } },
      { chain: node.chain, login },
      told,
    );

  test('a relay without the key that it named', () => {
    const welcome = welcomeBy(SecretKey.generate(random));
    expect(isProven(challenge, { identity: node, nonce }, welcome)).toBe(false);
  });

  test('a proof that was made for another login', () => {
    const replayed = welcomeBy(relay, { nonce: random(32) });
    expect(isProven(challenge, { identity: node, nonce }, replayed)).toBe(false);
    expect(isProven(challenge, { identity: node, nonce: random(32) }, welcomeBy(relay))).toBe(
      false,
    );
  });
});

test.each([
  [1, 1, 1],
  [2, 1, 1],
  [5, 2, undefined],
  [0, 0, undefined],
])('of versions %i down to %i the common one is %s', (version, oldest, common) => {
  const challenge = { ...makeChallenge(relay.publicKey, random), version, oldest };
  expect(commonVersion(challenge)).toBe(common);
});

test('the proof of a token fits that token and that login alone', () => {
  const challenge = makeChallenge(relay.publicKey, random);
  const statement = loginStatement(challenge, nonce);
  const proof = tokenProof('one', statement);
  expect(equalBytes(proof, tokenProof('one', statement))).toBe(true);
  expect(equalBytes(proof, tokenProof('two', statement))).toBe(false);
  expect(equalBytes(proof, tokenProof('one', loginStatement(challenge, random(32))))).toBe(false);
});
