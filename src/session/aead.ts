import { createCipheriv, createDecipheriv } from 'node:crypto';

import { concatBytes } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';

export const TAG_BYTES = 16;

/** Noise's nonce for AES-GCM: 32 zero bits, then the 64-bit number, big-endian (section 12.4). */
export function setNonce(nonce: Buffer, counter: number): void {
  nonce.writeUInt32BE(Math.floor(counter / 2 ** 32), 4);
  nonce.writeUInt32BE(counter >>> 0, 8);
}

/** AES-256-GCM: ciphertext ‖ tag. */
export function sealAead(
  key: Uint8Array,
  counter: number,
  ad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const nonce = Buffer.alloc(12);
  setNonce(nonce, counter);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(ad);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return concatBytes(ciphertext, cipher.getAuthTag());
}

/** WireError when it does not authenticate. */
export function openAead(
  key: Uint8Array,
  counter: number,
  ad: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array {
  if (ciphertext.length < TAG_BYTES) throw new WireError('shorter than its tag');
  const nonce = Buffer.alloc(12);
  setNonce(nonce, counter);
  const tagAt = ciphertext.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(ad).setAuthTag(ciphertext.subarray(tagAt));
  const plaintext = decipher.update(ciphertext.subarray(0, tagAt));
  try {
    decipher.final();
  } catch (error) {
    throw new WireError('does not authenticate', { cause: error });
  }
  return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
}
