/**
 * What a node says of itself, signed: kept by relays, sent along with a request for trust.
 *
 *     version             1   1
 *     n                   2   bytes of the signed part
 *     signed part         n
 *       chain length      2
 *       key chain             see key-chain.ts
 *       address counter   1
 *       node number       4   what the counter derives from the first key
 *       issued at         8   milliseconds since the Unix epoch; a newer record replaces an older one
 *       hostname length   1   0: the node has none
 *       hostname              ASCII
 *       relay count       1   0 to 4, the preferred one first
 *       each relay:
 *         length          2   1 to 256
 *         URL                 ASCII, ws:// or wss://
 *       tag count         1   1 to 3; a node without tags may leave it out
 *       each tag:
 *         length          1   1 to 32
 *         tag                 ASCII
 *       …                     fields of later releases, skipped
 *     signature          64   by the chain's current key, context "node-record", over the signed part
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { utf8 } from '../base/bytes.ts';
import { isHostname } from '../base/hostname.ts';
import { faultInTags, MAX_TAGS } from '../base/tag.ts';
import { WireError } from '../base/wire-error.ts';
import { deriveNodeNumber } from './address.ts';
import type { Identity } from './identity.ts';
import { KeyChain } from './key-chain.ts';
import { SIGNATURE_BYTES } from './secret-key.ts';
import { verifyStatement } from './signing.ts';

export interface NodeRecordFields {
  readonly addressCounter: number;
  /** Empty: none. */
  readonly hostname: string;
  readonly relays: readonly string[];
  /** Default: none. */
  readonly tags?: readonly string[];
  readonly issuedAtMs: number;
}

export interface NodeRecord extends NodeRecordFields {
  readonly chain: KeyChain;
  readonly tags: readonly string[];
  /** The node number: the low 32 bits of the address. */
  readonly node: number;
}

export const MAX_RECORD_RELAYS = 4;
export const MAX_RELAY_URL_BYTES = 256;
/** The longest record of this release has 7,968 bytes; the rest is room for later fields. */
export const MAX_NODE_RECORD_BYTES = 10_240;
const VERSION = 1;

/** RangeError for fields that no record may have. */
export function encodeNodeRecord(identity: Identity, fields: NodeRecordFields): Uint8Array {
  const fault = faultIn(fields);
  if (fault !== undefined) throw new RangeError(fault);
  const node = deriveNodeNumber(identity.firstKey, fields.addressCounter);
  if (node === undefined) throw new RangeError('the address counter gives a reserved number');
  const chain = identity.chain.encode();
  const writer = new ByteWriter(512).u16(chain.length).bytes(chain);
  writer.u8(fields.addressCounter).u32(node).u64(fields.issuedAtMs);
  writer.u8(fields.hostname.length).bytes(utf8(fields.hostname)).u8(fields.relays.length);
  for (const url of fields.relays) writer.u16(url.length).bytes(utf8(url));
  // Left out, so that a record without tags is the same bytes as one of an older release.
  const tags = fields.tags ?? [];
  if (tags.length > 0) writer.u8(tags.length);
  for (const tag of tags) writer.u8(tag.length).bytes(utf8(tag));
  const signed = writer.finish();
  const signature = identity.sign('node-record', signed);
  return new ByteWriter(signed.length + 67)
    .u8(VERSION)
    .u16(signed.length)
    .bytes(signed)
    .bytes(signature)
    .finish();
}

/** A record whose chain, signature, address and names have been checked. WireError otherwise. */
export function decodeNodeRecord(bytes: Uint8Array): NodeRecord {
  if (bytes.length > MAX_NODE_RECORD_BYTES) throw new WireError('node record too long');
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new WireError(`node record of version ${version}`);
  const signed = reader.bytes(reader.u16());
  const signature = reader.bytes(SIGNATURE_BYTES);
  if (reader.remaining > 0) throw new WireError('bytes after a node record');
  const record = decodeFields(signed);
  if (!verifyStatement(record.chain.currentKey, 'node-record', signed, signature)) {
    throw new WireError('node record with a wrong signature');
  }
  return record;
}

function decodeFields(signed: Uint8Array): NodeRecord {
  const reader = new ByteReader(signed);
  const chain = KeyChain.decode(reader.bytes(reader.u16()));
  const addressCounter = reader.u8();
  const node = reader.u32();
  const issuedAtMs = reader.u64();
  const hostname = ascii(reader.bytes(reader.u8()));
  const relays: string[] = [];
  for (let left = relayCount(reader); left > 0; left--)
    relays.push(ascii(reader.bytes(reader.u16())));
  const tags: string[] = [];
  for (let left = tagCount(reader); left > 0; left--) tags.push(ascii(reader.bytes(reader.u8())));
  const fault = faultIn({ addressCounter, hostname, relays, tags, issuedAtMs });
  if (fault !== undefined) throw new WireError(fault);
  if (node !== deriveNodeNumber(chain.firstKey, addressCounter)) {
    throw new WireError('the node number does not come from the key');
  }
  return { chain, addressCounter, node, hostname, relays, tags, issuedAtMs };
}

function relayCount(reader: ByteReader): number {
  const count = reader.u8();
  if (count > MAX_RECORD_RELAYS) throw new WireError(`${count} relays in a node record`);
  return count;
}

function tagCount(reader: ByteReader): number {
  const count = reader.remaining === 0 ? 0 : reader.u8();
  if (count > MAX_TAGS) throw new WireError(`${count} tags in a node record`);
  return count;
}

/** One character for each byte, so that nothing above ASCII passes the rules below. */
function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function faultIn({ hostname, relays, tags = [] }: NodeRecordFields): string | undefined {
  if (hostname !== '' && !isHostname(hostname)) return 'a hostname that breaks the rule';
  if (relays.length > MAX_RECORD_RELAYS) return `${relays.length} relays in a node record`;
  if (!relays.every(isRelayUrl)) return 'a relay URL that breaks the rule';
  return faultInTags(tags);
}

function isRelayUrl(url: string): boolean {
  return url.length <= MAX_RELAY_URL_BYTES && /^wss?:\/\/[\x21-\x7e]+$/.test(url);
}
