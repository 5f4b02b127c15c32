/**
 * The packets of the handshake. Integers are big-endian, reserved bytes zero.
 *
 *     initiation                         response                          cookie reply
 *     type             1   1             type             1   2            type             1   3
 *     version          1   1             version          1   1            version          1   1
 *     reserved         2                 reserved         2                reserved         2
 *     sender index     4                 sender index     4                receiver index   4
 *     mac1            16                 receiver index   4                nonce           16
 *     mac2            16                 mac1            16                cookie, sealed  32
 *     Noise message 1                    Noise message 2
 *
 * mac1 shows that the sender knows the receiver's static key, mac2 that it got a cookie where it says it
 * is. Both cover the fixed head alone (indices and keys), so that checking them costs the same for the
 * longest packet as for the shortest; the whole is the business of the Noise tags.
 *
 *     mac1 = BLAKE2s-128(key: BLAKE2s-256("pilot/1 mac1" ‖ receiver's X25519 key), head ‖ keys)
 *     mac2 = BLAKE2s-128(key: cookie, head ‖ mac1)
 *
 * head: everything in front of mac1. keys: the first 80 bytes of Noise message 1 (ephemeral, encrypted
 * static), the first 32 of message 2.
 */
import { timingSafeEqual } from 'node:crypto';

import { blake2s } from '@noble/hashes/blake2.js';

import { concatBytes, utf8 } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';
import { MESSAGE_1_OVERHEAD_BYTES, MESSAGE_2_OVERHEAD_BYTES } from './noise.ts';
import { PACKET } from './packet.ts';
import { X25519_BYTES } from './x25519.ts';

export const PROTOCOL_VERSION = 1;
export const MAC_BYTES = 16;
export const COOKIE_NONCE_BYTES = 16;
export const SEALED_COOKIE_BYTES = 32;
/** Noise's own limit for a message, and room for early data; more waits for the open session. */
export const MAX_HANDSHAKE_BYTES = 65_535;

const INITIATION_HEAD = 8;
const INITIATION_MAC2 = INITIATION_HEAD + MAC_BYTES;
const INITIATION_NOISE = INITIATION_MAC2 + MAC_BYTES;
const INITIATION_KEYS_BYTES = 80;
const RESPONSE_HEAD = 12;
const RESPONSE_NOISE = RESPONSE_HEAD + MAC_BYTES;
const COOKIE_HEAD = 8;
const COOKIE_REPLY_BYTES = COOKIE_HEAD + COOKIE_NONCE_BYTES + SEALED_COOKIE_BYTES;

const MIN_BYTES: Record<number, number> = {
  [PACKET.initiation]: INITIATION_NOISE + MESSAGE_1_OVERHEAD_BYTES,
  [PACKET.response]: RESPONSE_NOISE + MESSAGE_2_OVERHEAD_BYTES,
  [PACKET.cookie]: COOKIE_REPLY_BYTES,
};

/** Undefined when length, reserved bytes and version allow the packet to be read as what its type says. */
export function handshakeFault(packet: Buffer): 'malformed' | 'unsupported_version' | undefined {
  const minBytes = MIN_BYTES[packet[0] ?? 0];
  if (minBytes === undefined || packet.length < minBytes || packet.length > MAX_HANDSHAKE_BYTES) {
    return 'malformed';
  }
  if (packet[1] !== PROTOCOL_VERSION) return 'unsupported_version';
  return packet.readUInt16BE(2) === 0 ? undefined : 'malformed';
}

export interface Initiation {
  readonly senderIndex: number;
  readonly mac1: Uint8Array;
  readonly noise: Uint8Array;
}

/** `mac2` is of zeros; `withMac2` puts one in. */
export function encodeInitiation(
  senderIndex: number,
  noise: Uint8Array,
  receiverStatic: Uint8Array,
): Buffer {
  const packet = Buffer.alloc(INITIATION_NOISE + noise.length);
  writeHead(packet, PACKET.initiation, [senderIndex]);
  packet.set(noise, INITIATION_NOISE);
  packet.set(initiationMac1(packet, receiverStatic), INITIATION_HEAD);
  return packet;
}

/** The packet has passed `handshakeFault`. */
export function decodeInitiation(packet: Buffer): Initiation {
  return {
    senderIndex: packet.readUInt32BE(4),
    mac1: packet.subarray(INITIATION_HEAD, INITIATION_MAC2),
    noise: packet.subarray(INITIATION_NOISE),
  };
}

export function hasValidMac1(packet: Buffer, ownStatic: Uint8Array): boolean {
  const mac1 = packet.subarray(INITIATION_HEAD, INITIATION_MAC2);
  return timingSafeEqual(mac1, initiationMac1(packet, ownStatic));
}

export function hasValidMac2(packet: Buffer, cookie: Uint8Array): boolean {
  return timingSafeEqual(packet.subarray(INITIATION_MAC2, INITIATION_NOISE), mac2(packet, cookie));
}

/** A copy of the initiation that shows a cookie. */
export function withMac2(packet: Buffer, cookie: Uint8Array): Buffer {
  const copy = Buffer.from(packet);
  copy.set(mac2(packet, cookie), INITIATION_MAC2);
  return copy;
}

/** The same initiation, sent again: equal in everything but mac2. */
export function isSameInitiation(a: Buffer, b: Buffer): boolean {
  return (
    a.subarray(0, INITIATION_MAC2).equals(b.subarray(0, INITIATION_MAC2)) &&
    a.subarray(INITIATION_NOISE).equals(b.subarray(INITIATION_NOISE))
  );
}

export interface Response {
  readonly senderIndex: number;
  readonly receiverIndex: number;
  readonly noise: Uint8Array;
}

export function encodeResponse(
  { senderIndex, receiverIndex, noise }: Response,
  receiverStatic: Uint8Array,
): Buffer {
  const packet = Buffer.alloc(RESPONSE_NOISE + noise.length);
  writeHead(packet, PACKET.response, [senderIndex, receiverIndex]);
  packet.set(noise, RESPONSE_NOISE);
  packet.set(responseMac1(packet, receiverStatic), RESPONSE_HEAD);
  return packet;
}

export function decodeResponse(packet: Buffer): Response {
  return {
    senderIndex: packet.readUInt32BE(4),
    receiverIndex: packet.readUInt32BE(8),
    noise: packet.subarray(RESPONSE_NOISE),
  };
}

export function hasValidResponseMac1(packet: Buffer, ownStatic: Uint8Array): boolean {
  const mac1 = packet.subarray(RESPONSE_HEAD, RESPONSE_NOISE);
  return timingSafeEqual(mac1, responseMac1(packet, ownStatic));
}

export interface CookieReply {
  readonly receiverIndex: number;
  readonly nonce: Uint8Array;
  readonly sealedCookie: Uint8Array;
}

export function encodeCookieReply({ receiverIndex, nonce, sealedCookie }: CookieReply): Buffer {
  const packet = Buffer.alloc(COOKIE_REPLY_BYTES);
  writeHead(packet, PACKET.cookie, [receiverIndex]);
  packet.set(nonce, COOKIE_HEAD);
  packet.set(sealedCookie, COOKIE_HEAD + COOKIE_NONCE_BYTES);
  return packet;
}

export function decodeCookieReply(packet: Buffer): CookieReply {
  if (packet.length !== COOKIE_REPLY_BYTES) throw new WireError('cookie reply of a wrong length');
  return {
    receiverIndex: packet.readUInt32BE(4),
    nonce: packet.subarray(COOKIE_HEAD, COOKIE_HEAD + COOKIE_NONCE_BYTES),
    sealedCookie: packet.subarray(COOKIE_HEAD + COOKIE_NONCE_BYTES),
  };
}

/** A BLAKE2s-256 key that knowing `publicKey` gives, apart for each purpose. */
export function keyFromPublic(purpose: 'mac1' | 'cookie', publicKey: Uint8Array): Uint8Array {
  return blake2s(concatBytes(utf8(`pilot/1 ${purpose}`), publicKey));
}

/** BLAKE2s with a key and 16 bytes of output. */
export function shortMac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return blake2s(message, { key, dkLen: MAC_BYTES });
}

function writeHead(packet: Buffer, type: number, indices: readonly number[]): void {
  packet[0] = type;
  packet[1] = PROTOCOL_VERSION;
  indices.forEach((index, i) => packet.writeUInt32BE(index, 4 + 4 * i));
}

function initiationMac1(packet: Buffer, receiverStatic: Uint8Array): Uint8Array {
  const keys = packet.subarray(INITIATION_NOISE, INITIATION_NOISE + INITIATION_KEYS_BYTES);
  const covered = concatBytes(packet.subarray(0, INITIATION_HEAD), keys);
  return shortMac(keyFromPublic('mac1', receiverStatic), covered);
}

function responseMac1(packet: Buffer, receiverStatic: Uint8Array): Uint8Array {
  const key = packet.subarray(RESPONSE_NOISE, RESPONSE_NOISE + X25519_BYTES);
  const covered = concatBytes(packet.subarray(0, RESPONSE_HEAD), key);
  return shortMac(keyFromPublic('mac1', receiverStatic), covered);
}

function mac2(packet: Buffer, cookie: Uint8Array): Uint8Array {
  return shortMac(cookie, packet.subarray(0, INITIATION_MAC2));
}
