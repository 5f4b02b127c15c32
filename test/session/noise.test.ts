import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { CipherState, IkInitiator, IkResponder } from '../../src/session/noise.ts';
import { x25519, x25519KeyPair } from '../../src/session/x25519.ts';
import { seededRandom } from '../support/seeded-random.ts';

interface Vector {
  source: string;
  protocol_name: string;
  init_prologue: string;
  init_static: string;
  init_ephemeral: string;
  init_remote_static: string;
  resp_prologue: string;
  resp_static: string;
  resp_ephemeral: string;
  handshake_hash?: string;
  messages: { payload: string; ciphertext: string }[];
}

const file = new URL('../vectors/noise.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };
const ours = vectors.filter((vector) => vector.protocol_name === 'Noise_IK_25519_AESGCM_SHA256');
const NO_AD = new Uint8Array(0);

function pair(vector: Vector): { initiator: IkInitiator; responder: IkResponder } {
  const initiator = new IkInitiator({
    prologue: fromHex(vector.init_prologue),
    static: x25519KeyPair(fromHex(vector.init_static)),
    remoteStatic: fromHex(vector.init_remote_static),
    ephemeral: x25519KeyPair(fromHex(vector.init_ephemeral)),
  });
  const responder = new IkResponder({
    prologue: fromHex(vector.resp_prologue),
    static: x25519KeyPair(fromHex(vector.resp_static)),
  });
  return { initiator, responder };
}

test('the published vectors include IK ones', () => {
  expect(ours).toHaveLength(2);
});

test.each(ours)('reproduces $source', (vector) => {
  const { initiator, responder } = pair(vector);
  const [one, two, ...rest] = vector.messages;
  if (one === undefined || two === undefined) throw new Error('a vector without a handshake');

  const message1 = initiator.writeMessage1(fromHex(one.payload));
  expect(toHex(message1)).toBe(one.ciphertext);
  expect(toHex(responder.readMessage1(message1))).toBe(one.payload);

  const ephemeral = x25519KeyPair(fromHex(vector.resp_ephemeral));
  const message2 = responder.writeMessage2(ephemeral, fromHex(two.payload));
  expect(toHex(message2)).toBe(two.ciphertext);
  const answer = initiator.readMessage2(message2);
  expect(toHex(answer.payload)).toBe(two.payload);

  if (vector.handshake_hash !== undefined) {
    expect(toHex(answer.handshakeHash)).toBe(vector.handshake_hash);
    expect(toHex(responder.handshakeHash)).toBe(vector.handshake_hash);
  }
  expect(responder.split()).toEqual(answer.keys);

  const { keys } = answer;
  const out = new CipherState(keys.initiatorToResponder);
  const back = new CipherState(keys.responderToInitiator);
  rest.forEach(({ payload, ciphertext }, i) => {
    const sealed = (i % 2 === 0 ? out : back).encryptWithAd(NO_AD, fromHex(payload));
    expect(toHex(sealed)).toBe(ciphertext);
  });
});

test('a forged answer leaves the initiator waiting for the right one', () => {
  const [vector] = ours;
  if (vector === undefined) throw new Error('no vector');
  const { initiator, responder } = pair(vector);
  responder.readMessage1(initiator.writeMessage1(new Uint8Array(3)));
  const answer = responder.writeMessage2(x25519KeyPair(seededRandom(1)(32)), new Uint8Array(5));
  const forged = Uint8Array.from(answer, (byte, i) => (i === answer.length - 1 ? byte ^ 1 : byte));

  expect(() => initiator.readMessage2(forged)).toThrow(WireError);
  expect(initiator.readMessage2(answer).payload).toEqual(new Uint8Array(5));
});

test('message 1 for another static key, or another prologue, cannot be read', () => {
  const random = seededRandom(2);
  const own = x25519KeyPair(random(32));
  const message = (prologue: string): Uint8Array =>
    new IkInitiator({
      prologue: Buffer.from(prologue),
      static: x25519KeyPair(random(32)),
      remoteStatic: own.publicKey,
      ephemeral: x25519KeyPair(random(32)),
    }).writeMessage1(NO_AD);
  const responder = (pair = own): IkResponder =>
    new IkResponder({ prologue: Buffer.from('here'), static: pair });

  expect(responder().readMessage1(message('here'))).toHaveLength(0);
  expect(() => responder().readMessage1(message('there'))).toThrow(WireError);
  expect(() => responder(x25519KeyPair(random(32))).readMessage1(message('here'))).toThrow(
    WireError,
  );
});

test('a cipher ends before its nonces repeat', () => {
  const cipher = new CipherState(new Uint8Array(32), Number.MAX_SAFE_INTEGER - 1);
  cipher.encryptWithAd(NO_AD, NO_AD);
  expect(() => cipher.encryptWithAd(NO_AD, NO_AD)).toThrow(RangeError);
});

test('a decryption that fails does not use up its nonce', () => {
  const cipher = new CipherState(new Uint8Array(32));
  const sealed = new CipherState(new Uint8Array(32)).encryptWithAd(NO_AD, Uint8Array.of(1));
  expect(() => cipher.decryptWithAd(NO_AD, sealed.subarray(1))).toThrow(WireError);
  expect(() => cipher.decryptWithAd(NO_AD, sealed.subarray(0, 15))).toThrow(WireError);
  expect([...cipher.decryptWithAd(NO_AD, sealed)]).toEqual([1]);
});

// Section 5.2, first vector.
test('X25519 gives the values of RFC 7748', () => {
  const scalar = fromHex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
  const u = fromHex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
  expect(toHex(x25519(x25519KeyPair(scalar), u))).toBe(
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  );
});

test('X25519 refuses what would make the secret zero', () => {
  const own = x25519KeyPair(seededRandom(3)(32));
  expect(() => x25519(own, new Uint8Array(32))).toThrow(WireError);
  expect(() => x25519(own, new Uint8Array(31))).toThrow(WireError);
});
