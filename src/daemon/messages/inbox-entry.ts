/**
 * A message in the inbox. On disk (table `inbox`, key: arrival number) a CBOR map; the payload stands
 * beside it in `inbox-payloads`, so that a start and a list read no payloads.
 */
import { encodeCbor } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import { WireError } from '../../base/wire-error.ts';
import type { MessageType } from '../../client/api.ts';

export interface InboxEntry {
  /** Arrival number: later messages have higher ones. */
  readonly sequence: number;
  /** The sender's first key, hexadecimal. */
  readonly sender: string;
  readonly id: string;
  readonly correlationId: string;
  /** Empty unless it answers a message. */
  readonly replyTo: string;
  readonly type: MessageType;
  readonly bytes: number;
  readonly preview: string;
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
  readonly isRead: boolean;
}

const TYPES: readonly MessageType[] = ['text', 'json', 'binary'];
const PREVIEW_CHARACTERS = 120;

export function encodeInboxEntry(entry: InboxEntry): Uint8Array {
  return encodeCbor({
    f: entry.sender,
    id: entry.id,
    c: entry.correlationId,
    r: entry.replyTo,
    t: entry.type,
    n: entry.bytes,
    pre: entry.preview,
    s: entry.sentAtMs,
    at: entry.receivedAtMs,
    read: entry.isRead,
  });
}

export function decodeInboxEntry(sequence: number, bytes: Uint8Array): InboxEntry {
  const fields = CborFields.decode(bytes);
  const type = TYPES.find((name) => name === fields.text('t', {}));
  if (type === undefined) throw new WireError('unknown message type');
  return {
    sequence,
    sender: fields.text('f', {}),
    id: fields.text('id', {}),
    correlationId: fields.text('c', {}),
    replyTo: fields.text('r', {}),
    type,
    bytes: fields.count('n'),
    preview: fields.text('pre', {}),
    sentAtMs: fields.count('s'),
    receivedAtMs: fields.count('at'),
    isRead: fields.flag('read'),
  };
}

/** A payload as the local API shows it: text where it is text, base64 where it is not. */
export function payloadText(
  type: MessageType,
  payload: Uint8Array,
): { readonly data: string; readonly encoding: 'utf8' | 'base64' } {
  if (type !== 'binary') {
    try {
      return { data: strictUtf8.decode(payload), encoding: 'utf8' };
    } catch {
      // A peer may call anything text.
    }
  }
  return { data: Buffer.from(payload).toString('base64'), encoding: 'base64' };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function previewOf(type: MessageType, payload: Uint8Array): string {
  const { buffer, byteOffset, length } = payload;
  if (type === 'binary') {
    const bytes = Math.min(length, (PREVIEW_CHARACTERS / 4) * 3);
    return Buffer.from(buffer, byteOffset, bytes).toString('base64');
  }
  // 4 bytes a character at most, and one more so that the cut is never inside the last one shown.
  const bytes = Math.min(length, (PREVIEW_CHARACTERS + 1) * 4);
  const text = Buffer.from(buffer, byteOffset, bytes).toString('utf8');
  if (text.length <= PREVIEW_CHARACTERS) return text;
  return Array.from(text.slice(0, 2 * PREVIEW_CHARACTERS))
    .slice(0, PREVIEW_CHARACTERS)
    .join('');
}
