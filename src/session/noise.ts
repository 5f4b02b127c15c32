/**
 * Noise_IK_25519_AESGCM_SHA256 (Noise Protocol Framework, revision 34):
 *
 *     <- s
 *     ...
 *     -> e, es, s, ss
 *     <- e, ee, se
 *
 * One deviation: a message may be longer than 65,535 bytes (section 3). That limit makes room for a
 * 16-bit length field, which our packets do not have; AES-GCM itself ends at 64 GiB.
 */
import { createHash, createHmac } from 'node:crypto';

import { concatBytes, utf8 } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';
import { openAead, sealAead, TAG_BYTES } from './aead.ts';
import { x25519, X25519_BYTES, type X25519KeyPair } from './x25519.ts';

const PROTOCOL_NAME = 'Noise_IK_25519_AESGCM_SHA256';
const HASH_BYTES = 32;
const ENCRYPTED_KEY_BYTES = X25519_BYTES + TAG_BYTES;
/** What message 1 and message 2 have around their payloads. */
export const MESSAGE_1_OVERHEAD_BYTES = X25519_BYTES + ENCRYPTED_KEY_BYTES + TAG_BYTES;
export const MESSAGE_2_OVERHEAD_BYTES = X25519_BYTES + TAG_BYTES;

/**
 * A key and a nonce that counts up (section 5.1). The specification ends at 2^64 - 2; 2^53 - 1 is where
 * a number stops being exact, and far behind every limit of ours.
 */
export class CipherState {
  readonly #key: Uint8Array;
  #nonce: number;

  constructor(key: Uint8Array, nonce = 0) {
    this.#key = key;
    this.#nonce = nonce;
  }

  encryptWithAd(ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return sealAead(this.#key, this.#nextNonce(), ad, plaintext);
  }

  /** WireError when it does not authenticate; the nonce stays then (section 5.1). */
  decryptWithAd(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    const nonce = this.#nextNonce();
    try {
      return openAead(this.#key, nonce, ad, ciphertext);
    } catch (error) {
      this.#nonce = nonce;
      throw error;
    }
  }

  clone(): CipherState {
    return new CipherState(this.#key, this.#nonce);
  }

  #nextNonce(): number {
    if (this.#nonce >= Number.MAX_SAFE_INTEGER) throw new RangeError('the nonces are used up');
    return this.#nonce++;
  }
}

/** The two keys that `split` gives, by direction. */
export interface TransportKeys {
  readonly initiatorToResponder: Uint8Array;
  readonly responderToInitiator: Uint8Array;
}

/** Section 5.2. */
class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | undefined;

  constructor(prologue: Uint8Array) {
    const hash = new Uint8Array(HASH_BYTES);
    hash.set(utf8(PROTOCOL_NAME)); // 28 bytes: not longer than a hash, so padded and not hashed
    this.#chainingKey = hash;
    this.#hash = hash;
    this.mixHash(prologue);
  }

  get hash(): Uint8Array {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(data).digest();
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, input);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(key);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#keyed().encryptWithAd(this.#hash, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#keyed().decryptWithAd(this.#hash, ciphertext);
    this.mixHash(ciphertext);
    return plaintext;
  }

  split(): TransportKeys {
    const [initiatorToResponder, responderToInitiator] = hkdf(this.#chainingKey, new Uint8Array(0));
    return { initiatorToResponder, responderToInitiator };
  }

  clone(): SymmetricState {
    const copy = new SymmetricState(new Uint8Array(0));
    copy.#chainingKey = this.#chainingKey;
    copy.#hash = this.#hash;
    copy.#cipher = this.#cipher?.clone();
    return copy;
  }

  /** In IK a key is mixed in before anything is encrypted. */
  #keyed(): CipherState {
    if (this.#cipher === undefined) throw new Error('no key has been mixed in yet');
    return this.#cipher;
  }
}

/** Section 4.3, with two outputs. */
function hkdf(chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] {
  const temporary = createHmac('sha256', chainingKey).update(input).digest();
  const first = createHmac('sha256', temporary).update(Uint8Array.of(1)).digest();
  const second = createHmac('sha256', temporary).update(first).update(Uint8Array.of(2)).digest();
  return [first, second];
}

/** What the initiator has when the handshake is through. */
export interface Message2 {
  readonly payload: Uint8Array;
  readonly keys: TransportKeys;
  readonly handshakeHash: Uint8Array;
}

/** The side that knows the other's static key and begins. */
export class IkInitiator {
  readonly #static: X25519KeyPair;
  readonly #remoteStatic: Uint8Array;
  readonly #ephemeral: X25519KeyPair;
  readonly #symmetric: SymmetricState;

  constructor(options: {
    prologue: Uint8Array;
    static: X25519KeyPair;
    remoteStatic: Uint8Array;
    ephemeral: X25519KeyPair;
  }) {
    this.#static = options.static;
    this.#remoteStatic = options.remoteStatic;
    this.#ephemeral = options.ephemeral;
    this.#symmetric = new SymmetricState(options.prologue);
    this.#symmetric.mixHash(options.remoteStatic); // <- s
  }

  /** 32 ephemeral ‖ 48 static, encrypted ‖ payload, encrypted. */
  writeMessage1(payload: Uint8Array): Uint8Array {
    const state = this.#symmetric;
    state.mixHash(this.#ephemeral.publicKey); // e
    state.mixKey(x25519(this.#ephemeral, this.#remoteStatic)); // es
    const encryptedStatic = state.encryptAndHash(this.#static.publicKey); // s
    state.mixKey(x25519(this.#static, this.#remoteStatic)); // ss
    const encryptedPayload = state.encryptAndHash(payload);
    return concatBytes(this.#ephemeral.publicKey, encryptedStatic, encryptedPayload);
  }

  /**
   * WireError when it is not the answer. Reading changes nothing here: an answer that turns out to be of no
   * use leaves the handshake waiting for the right one.
   */
  readMessage2(message: Uint8Array): Message2 {
    if (message.length < MESSAGE_2_OVERHEAD_BYTES) throw new WireError('message 2 too short');
    const state = this.#symmetric.clone();
    const remoteEphemeral = message.subarray(0, X25519_BYTES);
    state.mixHash(remoteEphemeral); // e
    state.mixKey(x25519(this.#ephemeral, remoteEphemeral)); // ee
    state.mixKey(x25519(this.#static, remoteEphemeral)); // se
    const payload = state.decryptAndHash(message.subarray(X25519_BYTES));
    return { payload, keys: state.split(), handshakeHash: state.hash };
  }
}

/** The side that answers. */
export class IkResponder {
  readonly #static: X25519KeyPair;
  readonly #symmetric: SymmetricState;
  #remoteEphemeral: Uint8Array = new Uint8Array(0);
  #remoteStatic: Uint8Array = new Uint8Array(0);

  constructor(options: { prologue: Uint8Array; static: X25519KeyPair }) {
    this.#static = options.static;
    this.#symmetric = new SymmetricState(options.prologue);
    this.#symmetric.mixHash(options.static.publicKey); // <- s
  }

  get handshakeHash(): Uint8Array {
    return this.#symmetric.hash;
  }

  /** The initiator's static key, once message 1 has been read. */
  get remoteStatic(): Uint8Array {
    return this.#remoteStatic;
  }

  /** WireError when it is not for us or not whole; this object is of no use then. */
  readMessage1(message: Uint8Array): Uint8Array {
    if (message.length < MESSAGE_1_OVERHEAD_BYTES) throw new WireError('message 1 too short');
    const state = this.#symmetric;
    const encryptedStatic = message.subarray(X25519_BYTES, X25519_BYTES + ENCRYPTED_KEY_BYTES);
    this.#remoteEphemeral = message.slice(0, X25519_BYTES);
    state.mixHash(this.#remoteEphemeral); // e
    state.mixKey(x25519(this.#static, this.#remoteEphemeral)); // es
    this.#remoteStatic = state.decryptAndHash(encryptedStatic); // s
    state.mixKey(x25519(this.#static, this.#remoteStatic)); // ss
    return state.decryptAndHash(message.subarray(X25519_BYTES + ENCRYPTED_KEY_BYTES));
  }

  /** 32 ephemeral ‖ payload, encrypted. */
  writeMessage2(ephemeral: X25519KeyPair, payload: Uint8Array): Uint8Array {
    const state = this.#symmetric;
    state.mixHash(ephemeral.publicKey); // e
    state.mixKey(x25519(ephemeral, this.#remoteEphemeral)); // ee
    state.mixKey(x25519(ephemeral, this.#remoteStatic)); // se
    return concatBytes(ephemeral.publicKey, state.encryptAndHash(payload));
  }

  split(): TransportKeys {
    return this.#symmetric.split();
  }
}
