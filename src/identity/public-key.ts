import { Point } from '@noble/ed25519';

import { toHex } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';
import { PUBLIC_KEY_BYTES } from './secret-key.ts';

/**
 * The y coordinates, little-endian, of the eight points of small order. Under such a key one signature
 * fits many messages and X25519 gives zero.
 */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000', // order 1
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8
]);

/** y >= p = 2^255 - 19: the second name of a point that has one already (RFC 8032, 5.1.3 step 1). */
function isNonCanonical(y: Uint8Array): boolean {
  return (y[0] ?? 0) >= 0xed && y[31] === 0x7f && y.subarray(1, 31).every((byte) => byte === 0xff);
}

/** The checks on an Ed25519 public key that need no curve arithmetic: length, one encoding, order. */
export function isAcceptableKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES) return false;
  const y = new Uint8Array(publicKey);
  y[31] = (y[31] ?? 0) & 0x7f;
  return !isNonCanonical(y) && !SMALL_ORDER_Y.has(toHex(y));
}

/** The curve point of a public key. WireError when it is none, or one of small order. */
export function decodePublicKey(publicKey: Uint8Array): Point {
  if (!isAcceptableKey(publicKey)) throw new WireError('not an acceptable Ed25519 public key');
  try {
    return Point.fromBytes(publicKey);
  } catch (error) {
    throw new WireError('not a point of the Ed25519 curve', { cause: error });
  }
}
