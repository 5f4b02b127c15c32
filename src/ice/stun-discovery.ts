/**
 * What RFC 5780 adds to Binding, to find out how a NAT behaves (section 7):
 *
 *     CHANGE-REQUEST    0003   answer from another address (00000004), another port (00000002) or both
 *     RESPONSE-ORIGIN   802B   the address and port that the answer comes from
 *     OTHER-ADDRESS     802C   the server's other address, with its other port
 *
 * Addresses in the form of MAPPED-ADDRESS (RFC 8489, 14.1): a zero byte, the family, the port, 4 or 16
 * bytes. Some NATs change those on their way, which XOR-MAPPED-ADDRESS prevents.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { formatIpAddress } from '../base/ip-text.ts';
import { WireError } from '../base/wire-error.ts';
import { appendAttribute, walkStun } from './stun-frame.ts';
import { encodeBindingRequest } from './stun-message.ts';

export const CHANGE_REQUEST = 0x0003;
export const MAPPED_ADDRESS = 0x0001;
export const RESPONSE_ORIGIN = 0x802b;
export const OTHER_ADDRESS = 0x802c;
const CHANGE_ADDRESS_BIT = 0x4;
const CHANGE_PORT_BIT = 0x2;
const FAMILY = { v4: 1, v6: 2 };

/** From where the answer is wanted: another address of the server, another port of it, or both. */
export interface ChangeRequest {
  readonly address: boolean;
  readonly port: boolean;
}

export interface StunDiscovery {
  readonly changeRequest: ChangeRequest | undefined;
  readonly responseOrigin: Endpoint | undefined;
  readonly otherAddress: Endpoint | undefined;
}

/** What a message has of RFC 5780; the first of each attribute. WireError for one of another form. */
export function readStunDiscovery(message: Uint8Array): StunDiscovery {
  const { attributes } = walkStun(message);
  const find = <T>(type: number, read: (value: Uint8Array) => T): T | undefined => {
    const found = attributes.find((attribute) => attribute.type === type);
    return found && read(found.value);
  };
  return {
    changeRequest: find(CHANGE_REQUEST, readChangeRequest),
    responseOrigin: find(RESPONSE_ORIGIN, readEndpoint),
    otherAddress: find(OTHER_ADDRESS, readEndpoint),
  };
}

/** A Binding request of 28 bytes that asks for the answer to come from elsewhere. */
export function encodeChangeRequest(transactionId: Uint8Array, change: ChangeRequest): Uint8Array {
  const bits = (change.address ? CHANGE_ADDRESS_BIT : 0) | (change.port ? CHANGE_PORT_BIT : 0);
  const value = new ByteWriter(4).u32(bits).finish();
  return appendAttribute(encodeBindingRequest(transactionId), CHANGE_REQUEST, value);
}

/** The message with an address more: 12 bytes for IPv4, 24 for IPv6. RangeError for a host by name. */
export function appendAddress(message: Uint8Array, type: number, endpoint: Endpoint): Uint8Array {
  const address = parseIpAddress(endpoint.host);
  if (address === undefined) throw new RangeError('a STUN address is numeric');
  const value = new ByteWriter(20)
    .u8(0)
    .u8(address.length === 4 ? FAMILY.v4 : FAMILY.v6)
    .u16(endpoint.port)
    .bytes(address);
  return appendAttribute(message, type, value.finish());
}

function readChangeRequest(value: Uint8Array): ChangeRequest {
  if (value.length !== 4) throw new WireError('a CHANGE-REQUEST that does not have 4 bytes');
  const bits = new ByteReader(value).u32();
  return {
    address: (bits & CHANGE_ADDRESS_BIT) !== 0,
    port: (bits & CHANGE_PORT_BIT) !== 0,
  };
}

function readEndpoint(value: Uint8Array): Endpoint {
  const reader = new ByteReader(value);
  reader.u8();
  const family = reader.u8();
  const port = reader.u16();
  const address = reader.rest();
  if (family !== (address.length === 4 ? FAMILY.v4 : FAMILY.v6)) {
    throw new WireError('a STUN address of another family than its length');
  }
  const host = formatIpAddress(address);
  if (host === undefined || port === 0) throw new WireError('not a STUN address');
  return { host, port };
}
