/**
 * A message of the data exchange: TEXT, BINARY, JSON, or TAGGED around one of these:
 *
 *     TAGGED   length of the header 2 (1 to 1,024), header: JSON {message_id?, reply_to?}, type 4, payload
 */
import { createHash } from 'node:crypto';

import { ByteReader } from '../../base/byte-reader.ts';
import { WireError } from '../../base/wire-error.ts';
import type { MessageType } from '../../client/api.ts';
import { EXCHANGE_TYPE } from '../../client/exchange-frame.ts';
import { uuidFromBytes } from '../messages/uuid-bytes.ts';

export interface ExchangeMessage {
  readonly type: MessageType;
  readonly payload: Uint8Array;
  /** UUID; undefined when its sender gave it no name. */
  readonly id: string | undefined;
  /** UUID; empty unless it answers a message. */
  readonly replyTo: string;
}

const MAX_HEADER_BYTES = 1024;
const TAG = /^[A-Za-z0-9._:-]{1,128}$/;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Undefined: not the type of a message. */
export function messageTypeOf(type: number): MessageType | undefined {
  switch (type) {
    case EXCHANGE_TYPE.text:
      return 'text';
    case EXCHANGE_TYPE.binary:
      return 'binary';
    case EXCHANGE_TYPE.json:
      return 'json';
    default:
      return undefined;
  }
}

/** The inside of a TAGGED frame. WireError. */
export function decodeTagged(bytes: Uint8Array): {
  readonly type: number;
  readonly payload: Uint8Array;
  readonly id: string | undefined;
  readonly replyTo: string;
} {
  const reader = new ByteReader(bytes);
  const length = reader.u16();
  if (length < 1 || length > MAX_HEADER_BYTES) throw new WireError(`a header of ${length} bytes`);
  const header = parsed(reader.bytes(length));
  const id = tagOf(header['message_id']);
  const replyTo = tagOf(header['reply_to']);
  return { type: reader.u32(), payload: reader.rest(), id, replyTo: replyTo ?? '' };
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new WireError('the header is no JSON object');
}

/**
 * Ids of original clients are 32 hex digits, which is a UUID without its hyphens; any other id becomes the one that
 * always stands for it.
 */
function tagOf(tag: unknown): string | undefined {
  if (tag === undefined || tag === '') return undefined;
  if (typeof tag !== 'string' || !TAG.test(tag)) throw new WireError('an id of other characters');
  const hex = tag.replaceAll('-', '').toLowerCase();
  if (UUID.test(tag)) return uuidFromBytes(Buffer.from(hex, 'hex'));
  const digest = createHash('sha256').update('pilot data exchange id').update(tag).digest();
  // Version 8, RFC 9562 section 5.8: bytes of our own making.
  digest[6] = 0x80 | ((digest[6] ?? 0) & 0x0f);
  digest[8] = 0x80 | ((digest[8] ?? 0) & 0x3f);
  return uuidFromBytes(digest.subarray(0, 16));
}
