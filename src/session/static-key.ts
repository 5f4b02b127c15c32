import { concatBytes, utf8 } from '../base/bytes.ts';
import type { Identity } from '../identity/identity.ts';
import type { SecretKey } from '../identity/secret-key.ts';
import { PROTOCOL_VERSION } from './handshake-packet.ts';
import { type X25519KeyPair, x25519KeyPair } from './x25519.ts';

const pairs = new WeakMap<SecretKey, X25519KeyPair>();

/** The Noise static key of an identity: the X25519 image of its current key. Made once. */
export function staticKeyPair({ secret }: Identity): X25519KeyPair {
  const known = pairs.get(secret);
  if (known !== undefined) return known;
  const scalar = secret.x25519Secret();
  const pair = x25519KeyPair(scalar);
  scalar.fill(0);
  pairs.set(secret, pair);
  return pair;
}

/**
 * purpose ‖ version ‖ responder's first key. The initiator's identity is not in it, since the responder
 * learns that from message 1 itself, whose payload the transcript covers.
 */
export function noisePrologue(
  purpose: 'pilot/1' | 'pilot/1 envelope',
  responderFirstKey: Uint8Array,
): Uint8Array {
  return concatBytes(utf8(purpose), Uint8Array.of(PROTOCOL_VERSION), responderFirstKey);
}
