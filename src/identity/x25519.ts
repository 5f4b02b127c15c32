import { etc } from '@noble/ed25519';

import { decodePublicKey } from './public-key.ts';

/**
 * The X25519 image of an Ed25519 public key by the birational map u = (1 + y) / (1 - y) mod p
 * (RFC 7748, section 4.1). It belongs to `SecretKey.x25519Secret`. WireError for what is no point of
 * the curve or has small order.
 */
export function x25519FromEd25519(publicKey: Uint8Array): Uint8Array {
  const { y } = decodePublicKey(publicKey);
  const p = FIELD_PRIME;
  const u = etc.mod((1n + y) * etc.invert(etc.mod(1n - y, p), p), p);
  return littleEndian(u);
}

const FIELD_PRIME = 2n ** 255n - 19n;

function littleEndian(value: bigint): Uint8Array {
  return etc.hexToBytes(value.toString(16).padStart(64, '0')).reverse();
}
