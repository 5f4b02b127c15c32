/** The structure of a STUN message over its raw bytes; what the attributes mean is stun-message.ts. */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concatBytes } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';

export const STUN_HEADER_BYTES = 20;
export const USERNAME = 0x0006;
export const MESSAGE_INTEGRITY = 0x0008;
export const FINGERPRINT = 0x8028;
const ATTRIBUTE_HEADER_BYTES = 4;
export const MAGIC_COOKIE = 0x2112a442;
/** Ours stay below 150 bytes, and a datagram that was not fragmented has at most 1,472. */
const MAX_STUN_BYTES = 1472;

export interface StunAttribute {
  readonly type: number;
  /** Where its header begins in the message. */
  readonly at: number;
  readonly value: Uint8Array;
}

export interface StunFrame {
  readonly type: number;
  readonly transactionId: Uint8Array;
  /** In order. After MESSAGE-INTEGRITY nothing but FINGERPRINT counts (RFC 8489, 14.5). */
  readonly attributes: readonly StunAttribute[];
  /** The message up to and with the last attribute that counts, FINGERPRINT left out. */
  readonly authentic: Uint8Array;
}

/**
 * True for a datagram that is STUN and not another protocol on the same socket: two zero bits, a length
 * that can be, the magic cookie (RFC 8489, section 5). Says nothing of the attributes.
 */
export function looksLikeStun(bytes: Uint8Array): boolean {
  if (bytes.length < STUN_HEADER_BYTES) return false;
  const reader = new ByteReader(bytes);
  const type = reader.u16();
  const length = reader.u16();
  return type < 0x4000 && length % 4 === 0 && reader.u32() === MAGIC_COOKIE;
}

/** WireError for what is not exactly one message of attributes that fill it. */
export function walkStun(bytes: Uint8Array): StunFrame {
  if (!looksLikeStun(bytes)) throw new WireError('not a STUN message');
  if (bytes.length > MAX_STUN_BYTES) throw new WireError('STUN message too long');
  const reader = new ByteReader(bytes);
  const type = reader.u16();
  if (reader.u16() !== bytes.length - STUN_HEADER_BYTES) throw new WireError('wrong STUN length');
  reader.u32();
  const transactionId = reader.bytes(12);
  const attributes: StunAttribute[] = [];
  let end = STUN_HEADER_BYTES;
  let isSealed = false;
  while (reader.remaining > 0) {
    const attribute = readAttribute(reader, bytes.length - reader.remaining);
    if (attribute.type === FINGERPRINT && reader.remaining > 0) {
      throw new WireError('FINGERPRINT is not the last attribute');
    }
    if (isSealed && attribute.type !== FINGERPRINT) continue;
    attributes.push(attribute);
    isSealed ||= attribute.type === MESSAGE_INTEGRITY;
    if (attribute.type !== FINGERPRINT) end = bytes.length - reader.remaining;
  }
  return { type, transactionId, attributes, authentic: cutStun(bytes, end, 0) };
}

/** The first `end` bytes, with the length that the message has when `more` bytes follow. */
export function cutStun(bytes: Uint8Array, end: number, more: number): Uint8Array {
  const cut = new Uint8Array(bytes.subarray(0, end));
  new DataView(cut.buffer).setUint16(2, end - STUN_HEADER_BYTES + more);
  return cut;
}

/** The message with one more attribute, padded with zeros; not for a message that has a FINGERPRINT. */
export function appendAttribute(message: Uint8Array, type: number, value: Uint8Array): Uint8Array {
  const padding = -value.length & 3;
  const attribute = new ByteWriter(ATTRIBUTE_HEADER_BYTES + value.length + padding)
    .u16(type)
    .u16(value.length)
    .bytes(value)
    .bytes(new Uint8Array(padding))
    .finish();
  return concatBytes(cutStun(message, message.length, attribute.length), attribute);
}

function readAttribute(reader: ByteReader, at: number): StunAttribute {
  const type = reader.u16();
  const length = reader.u16();
  const value = reader.bytes(length);
  reader.bytes(-length & 3);
  return { type, at, value };
}
