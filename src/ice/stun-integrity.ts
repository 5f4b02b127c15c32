/**
 * Both cover the raw message before them, with a length field that counts them:
 *
 *     MESSAGE-INTEGRITY   0008 0014, HMAC-SHA1 (RFC 8489, 14.5)
 *     FINGERPRINT         8028 0004, CRC-32 xor 5354554E; the last attribute (14.7)
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { ByteWriter } from '../base/byte-writer.ts';
import { concatBytes, utf8 } from '../base/bytes.ts';
import { cutStun, FINGERPRINT, MESSAGE_INTEGRITY, walkStun } from './stun-frame.ts';

const HMAC_BYTES = 20;
const CRC_BYTES = 4;
const ATTRIBUTE_HEADER_BYTES = 4;
/** "STUN": so that a CRC of another protocol does not pass for one. */
const FINGERPRINT_XOR = 0x5354554e;

/** The message with MESSAGE-INTEGRITY appended; `password` is short-term (RFC 8489, 9.1.1), printable ASCII. */
export function signMessageIntegrity(message: Uint8Array, password: string): Uint8Array {
  const signed = cutStun(message, message.length, ATTRIBUTE_HEADER_BYTES + HMAC_BYTES);
  const header = new ByteWriter().u16(MESSAGE_INTEGRITY).u16(HMAC_BYTES).finish();
  return concatBytes(signed, header, hmac(signed, password));
}

/** False without the attribute. WireError for what is not a STUN message. */
export function verifyMessageIntegrity(message: Uint8Array, password: string): boolean {
  const found = walkStun(message).attributes.find(({ type }) => type === MESSAGE_INTEGRITY);
  if (found?.value.length !== HMAC_BYTES) return false;
  const signed = cutStun(message, found.at, ATTRIBUTE_HEADER_BYTES + HMAC_BYTES);
  return timingSafeEqual(found.value, hmac(signed, password));
}

/** The message with FINGERPRINT appended; nothing may be appended after it. */
export function appendFingerprint(message: Uint8Array): Uint8Array {
  const covered = cutStun(message, message.length, ATTRIBUTE_HEADER_BYTES + CRC_BYTES);
  const attribute = new ByteWriter().u16(FINGERPRINT).u16(CRC_BYTES).u32(fingerprint(covered));
  return concatBytes(covered, attribute.finish());
}

/** False without the attribute. WireError for what is not a STUN message. */
export function verifyFingerprint(message: Uint8Array): boolean {
  const found = walkStun(message).attributes.find(({ type }) => type === FINGERPRINT);
  if (found?.value.length !== CRC_BYTES) return false;
  const { buffer, byteOffset } = found.value;
  const covered = cutStun(message, found.at, ATTRIBUTE_HEADER_BYTES + CRC_BYTES);
  return new DataView(buffer, byteOffset).getUint32(0) === fingerprint(covered);
}

function hmac(bytes: Uint8Array, password: string): Uint8Array {
  return createHmac('sha1', utf8(password)).update(bytes).digest();
}

function fingerprint(bytes: Uint8Array): number {
  return (crc32(bytes) ^ FINGERPRINT_XOR) >>> 0;
}
