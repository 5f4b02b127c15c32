/**
 * What two nodes say to each other inside a session, its early data or an envelope: one CBOR map per
 * item, `k` says which. Unknown members and unknown kinds are skipped. docs/protocol-messages.md has
 * the rules and the test vectors.
 *
 *     m  message        id, c, r?: 16 B   t: 0 text 1 json 2 binary   b: bytes   s, x: ms   g: run
 *     d  delivered      ids: up to 64 of 16 B
 *     n  refused        id: 16 B   code: text   g: run
 *     q  trust request  record: node record   why: text   at: ms
 *     a  accepted       record: node record   at: ms
 *     j  rejected       why: text   at: ms
 *     u  revoked        at: ms
 *     p  path           paths/path-message.ts
 */
import { encodeCbor } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import { WireError } from '../../base/wire-error.ts';
import type { MessageType } from '../../client/api.ts';
import { MAX_NODE_RECORD_BYTES } from '../../identity/node-record.ts';
import { type PathItem, pathItemMembers, readPathItem } from '../paths/path-message.ts';
import { UUID_BYTES, uuidFromBytes, uuidToBytes } from './uuid-bytes.ts';

export interface MessageItem {
  readonly kind: 'message';
  readonly id: string;
  readonly correlationId: string;
  /** Empty unless it answers a message. */
  readonly replyTo: string;
  readonly type: MessageType;
  readonly payload: Uint8Array;
  readonly sentAtMs: number;
  readonly expiresAtMs: number;
  /** Which run of the sender it belongs to: messages of one run come in order, without a gap. */
  readonly run: number;
}

export type TrustItem =
  | {
      readonly kind: 'request';
      readonly record: Uint8Array;
      readonly why: string;
      readonly atMs: number;
    }
  | { readonly kind: 'accept'; readonly record: Uint8Array; readonly atMs: number }
  | { readonly kind: 'reject'; readonly why: string; readonly atMs: number }
  | { readonly kind: 'revoke'; readonly atMs: number };

export type AppMessage =
  | MessageItem
  | TrustItem
  | PathItem
  | { readonly kind: 'delivered'; readonly ids: readonly string[] }
  | {
      readonly kind: 'refused';
      readonly id: string;
      readonly code: string;
      readonly run: number;
    };

export const MAX_RECEIPT_IDS = 64;
/** In UTF-16 units; the 1,024 characters that people may write are counted by `trust-rules.ts`. */
const MAX_WHY_LENGTH = 4096;
const MAX_CODE_LENGTH = 64;
const TYPES: readonly MessageType[] = ['text', 'json', 'binary'];

export function encodeAppMessage(message: AppMessage): Uint8Array {
  return encodeCbor(membersOf(message));
}

function membersOf(message: AppMessage): object {
  switch (message.kind) {
    case 'message':
      return messageMembers(message);
    case 'delivered':
      return { k: 'd', ids: message.ids.map(uuidToBytes) };
    case 'refused':
      return { k: 'n', id: uuidToBytes(message.id), code: message.code, g: message.run };
    case 'request':
      return { k: 'q', record: message.record, why: message.why, at: message.atMs };
    case 'accept':
      return { k: 'a', record: message.record, at: message.atMs };
    case 'reject':
      return { k: 'j', why: message.why, at: message.atMs };
    case 'revoke':
      return { k: 'u', at: message.atMs };
    case 'path':
      return pathItemMembers(message);
  }
}

function messageMembers(message: MessageItem): object {
  return {
    k: 'm',
    id: uuidToBytes(message.id),
    c: uuidToBytes(message.correlationId),
    r: message.replyTo === '' ? undefined : uuidToBytes(message.replyTo),
    t: TYPES.indexOf(message.type),
    b: message.payload,
    s: message.sentAtMs,
    x: message.expiresAtMs,
    g: message.run,
  };
}

/** Undefined for a kind, or a step of a path, that this release does not know. WireError for what is malformed. */
export function decodeAppMessage(bytes: Uint8Array): AppMessage | undefined {
  const fields = CborFields.decode(bytes);
  switch (fields.text('k', {})) {
    case 'm':
      return decodeMessage(fields);
    case 'd':
      return { kind: 'delivered', ids: uuids(fields) };
    case 'n':
      return {
        kind: 'refused',
        id: uuid(fields, 'id'),
        code: fields.text('code', { atMost: MAX_CODE_LENGTH }),
        run: fields.count('g'),
      };
    case 'p':
      return readPathItem(fields);
    default:
      return decodeTrustItem(fields);
  }
}

function decodeTrustItem(fields: CborFields): TrustItem | undefined {
  switch (fields.text('k', {})) {
    case 'q':
      return {
        kind: 'request',
        record: record(fields),
        why: why(fields),
        atMs: fields.count('at'),
      };
    case 'a':
      return { kind: 'accept', record: record(fields), atMs: fields.count('at') };
    case 'j':
      return { kind: 'reject', why: why(fields), atMs: fields.count('at') };
    case 'u':
      return { kind: 'revoke', atMs: fields.count('at') };
    default:
      return undefined;
  }
}

function decodeMessage(fields: CborFields): MessageItem {
  const type = TYPES[fields.count('t')];
  if (type === undefined) throw new WireError('unknown message type');
  return {
    kind: 'message',
    id: uuid(fields, 'id'),
    correlationId: uuid(fields, 'c'),
    replyTo: fields.has('r') ? uuid(fields, 'r') : '',
    type,
    payload: fields.bytes('b', {}),
    sentAtMs: fields.count('s'),
    expiresAtMs: fields.count('x'),
    run: fields.count('g'),
  };
}

function uuid(fields: CborFields, name: string): string {
  return uuidFromBytes(fields.bytes(name, { exactly: UUID_BYTES }));
}

function uuids(fields: CborFields): string[] {
  const ids = fields.bytesList('ids', { each: UUID_BYTES, atMost: MAX_RECEIPT_IDS });
  return ids.map(uuidFromBytes);
}

function record(fields: CborFields): Uint8Array {
  return fields.bytes('record', { atMost: MAX_NODE_RECORD_BYTES });
}

function why(fields: CborFields): string {
  return fields.text('why', { atMost: MAX_WHY_LENGTH });
}
