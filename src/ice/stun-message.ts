/**
 * STUN messages (RFC 8489, section 5):
 *
 *     message type       2   two zero bits, then method and class
 *     message length     2   of the attributes, a multiple of 4
 *     magic cookie       4   2112A442
 *     transaction id    12
 *     attributes, each: type 2, length 2, value, padding to 4
 *
 * The `stun` package reads and writes the values. Not left to it: the structure of the message and what is
 * signed (it judges MESSAGE-INTEGRITY and FINGERPRINT on a message that it has encoded anew, with another
 * padding), error codes (it reads 487 as 748), and its errors of several classes.
 */
import stun from 'stun';

import { ByteReader } from '../base/byte-reader.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { WireError } from '../base/wire-error.ts';
import {
  FINGERPRINT,
  MESSAGE_INTEGRITY,
  type StunAttribute,
  USERNAME,
  walkStun,
} from './stun-frame.ts';

export const BINDING_METHOD = 1;
export type StunClass = 'request' | 'indication' | 'success' | 'error';

/** What a message says. Nothing of it is authenticated until `verifyMessageIntegrity` says so. */
export interface StunMessage {
  readonly class: StunClass;
  readonly method: number;
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
  readonly xorMappedAddress: Endpoint | undefined;
  readonly mappedAddress: Endpoint | undefined;
  readonly errorCode: { readonly code: number; readonly reason: string } | undefined;
  readonly username: string | undefined;
  readonly software: string | undefined;
  readonly priority: number | undefined;
  readonly useCandidate: boolean;
  /** The tie-breaker of 8 bytes. */
  readonly iceControlled: Uint8Array | undefined;
  readonly iceControlling: Uint8Array | undefined;
  readonly hasMessageIntegrity: boolean;
  readonly hasFingerprint: boolean;
  /** Attributes that one must understand (below 8000) and we do not: a request with any is refused. */
  readonly unknownRequired: readonly number[];
}

const CLASSES = ['request', 'indication', 'success', 'error'] as const;
const MAPPED_ADDRESS = 0x0001;
const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;
const XOR_MAPPED_ADDRESS = 0x0020;
export const PRIORITY = 0x0024;
export const USE_CANDIDATE = 0x0025;
const SOFTWARE = 0x8022;
export const ICE_CONTROLLED = 0x8029;
export const ICE_CONTROLLING = 0x802a;
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ...[MAPPED_ADDRESS, USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES],
  ...[XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE],
]);

/** A bare Binding request, 20 bytes. */
export function encodeBindingRequest(transactionId: Uint8Array): Uint8Array {
  return toBytes(createMessage(stun.constants.STUN_BINDING_REQUEST, transactionId));
}

/** 32 bytes for IPv4, 44 for IPv6; `endpoint.host` is numeric and without zone (RangeError otherwise). */
export function encodeBindingResponse(
  transactionId: Uint8Array,
  endpoint: Endpoint,
  software?: string,
): Uint8Array {
  if (parseIpAddress(endpoint.host) === undefined || !isPort(endpoint.port)) {
    throw new RangeError('a Binding response needs a numeric address and a port');
  }
  const message = createMessage(stun.constants.STUN_BINDING_RESPONSE, transactionId);
  message.addXorAddress(endpoint.host, endpoint.port);
  if (software !== undefined) message.addSoftware(software);
  return toBytes(message);
}

/** WireError for what is not one whole STUN message. */
export function decodeStunMessage(bytes: Uint8Array): StunMessage {
  const { type, transactionId, attributes, authentic } = walkStun(bytes);
  const values = readValues(authentic);
  const raw = (wanted: number): Uint8Array | undefined =>
    attributes.find((attribute) => attribute.type === wanted)?.value;
  return {
    class: classOf(type),
    method: (type & 0x0f) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80),
    transactionId: transactionId.slice(),
    xorMappedAddress: endpointOf(values.get(XOR_MAPPED_ADDRESS)),
    mappedAddress: endpointOf(values.get(MAPPED_ADDRESS)),
    errorCode: errorCodeOf(raw(ERROR_CODE)),
    username: textOf(values.get(USERNAME)),
    software: textOf(values.get(SOFTWARE)),
    priority: numberOf(values.get(PRIORITY)),
    useCandidate: values.has(USE_CANDIDATE),
    iceControlled: tieBreakerOf(values.get(ICE_CONTROLLED)),
    iceControlling: tieBreakerOf(values.get(ICE_CONTROLLING)),
    hasMessageIntegrity: raw(MESSAGE_INTEGRITY) !== undefined,
    hasFingerprint: raw(FINGERPRINT) !== undefined,
    unknownRequired: attributes
      .map(typeOf)
      .filter((type) => type < 0x8000 && !UNDERSTOOD.has(type)),
  };
}

/** The values by type, the first of each (RFC 8489, section 14). */
function readValues(bytes: Uint8Array): Map<number, unknown> {
  const values = new Map<number, unknown>();
  try {
    for (const { type, value } of stun.decode(asBuffer(bytes))) {
      if (!values.has(type)) values.set(type, value);
    }
  } catch (error) {
    throw new WireError('a STUN attribute that does not follow its format', { cause: error });
  }
  return values;
}

function createMessage(
  type: number,
  transactionId: Uint8Array,
): ReturnType<typeof stun.createMessage> {
  if (transactionId.length !== 12) throw new RangeError('a STUN transaction id has 12 bytes');
  return stun.createMessage(type, asBuffer(transactionId));
}

function toBytes(message: ReturnType<typeof stun.createMessage>): Uint8Array {
  return new Uint8Array(message.toBuffer());
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bits 4 and 8 of the type (RFC 8489, figure 3). */
function classOf(type: number): StunClass {
  return CLASSES[(((type >> 4) & 1) | ((type >> 7) & 2)) as 0 | 1 | 2 | 3];
}

function typeOf(attribute: StunAttribute): number {
  return attribute.type;
}

function endpointOf(value: unknown): Endpoint | undefined {
  if (value === undefined) return undefined;
  const { address, port } = value as { address: unknown; port: unknown };
  if (typeof address !== 'string' || !isPort(port)) {
    throw new WireError('a STUN address without address or port');
  }
  return { host: address, port };
}

function isPort(port: unknown): port is number {
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;
}

/** RFC 8489, section 14.8: 21 zero bits, the hundreds in 3, the rest in 8, then the reason. */
function errorCodeOf(value: Uint8Array | undefined): StunMessage['errorCode'] {
  if (value === undefined) return undefined;
  const reader = new ByteReader(value);
  const bits = reader.u32();
  const hundred = (bits >>> 8) & 0b111;
  const rest = bits & 0xff;
  if (hundred < 3 || hundred > 6 || rest > 99)
    throw new WireError('a STUN error code out of range');
  return { code: hundred * 100 + rest, reason: new TextDecoder().decode(reader.rest()) };
}

function textOf(value: unknown): string | undefined {
  return Buffer.isBuffer(value) ? new TextDecoder().decode(value) : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function tieBreakerOf(value: unknown): Uint8Array | undefined {
  if (!Buffer.isBuffer(value)) return undefined;
  if (value.length !== 8) throw new WireError('an ICE tie-breaker that does not have 8 bytes');
  return new Uint8Array(value);
}
