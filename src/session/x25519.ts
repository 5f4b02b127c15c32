import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';

import { concatBytes } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';

export const X25519_BYTES = 32;

// DER of PKCS #8 and SubjectPublicKeyInfo up to the raw key (RFC 8410, section 7 and 4).
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** An X25519 key pair in OpenSSL's hands; `publicKey` is the raw 32 bytes. */
export interface X25519KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

/** The pair of 32 secret bytes. Clamping is X25519's own affair (RFC 7748, section 5). */
export function x25519KeyPair(secret: Uint8Array): X25519KeyPair {
  const der = Buffer.concat([PRIVATE_PREFIX, secret]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { privateKey, publicKey: new Uint8Array(spki.subarray(PUBLIC_PREFIX.length)) };
}

/** The shared secret. WireError when the other side's key is one that makes it zero. */
export function x25519(own: X25519KeyPair, publicKey: Uint8Array): Uint8Array {
  const der = Buffer.from(concatBytes(PUBLIC_PREFIX, publicKey));
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return diffieHellman({ privateKey: own.privateKey, publicKey: key });
  } catch (error) {
    throw new WireError('not a usable X25519 key', { cause: error });
  }
}
