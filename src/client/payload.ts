import { PilotError } from '../base/pilot-error.ts';
import type { IncomingMessage, MessageType, SendMessageRequest } from './api.ts';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Bytes that are of another type than `binary`: text or JSON that has been written already. */
export class TypedPayload {
  readonly type: MessageType;
  readonly bytes: Uint8Array;

  constructor(type: MessageType, bytes: Uint8Array) {
    this.type = type;
    this.bytes = bytes;
  }
}

/** What can be sent: text, bytes, or anything that JSON can say. */
export type Payload = Uint8Array | TypedPayload | JsonValue;

type EncodedPayload = Pick<SendMessageRequest, 'type' | 'data' | 'encoding'>;

/**
 * A payload as the local API carries it. Without a type, a string is text, bytes are binary and
 * everything else is JSON.
 */
export function encodePayload(payload: Payload, type = typeOf(payload)): EncodedPayload {
  if (payload instanceof TypedPayload) return encodeBytes(payload.bytes, type);
  if (payload instanceof Uint8Array) return encodeBytes(payload, type);
  if (type === 'json') return { type, data: JSON.stringify(payload) };
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return type === 'text' ? { type, data: text } : encodeBytes(Buffer.from(text), type);
}

function encodeBytes(bytes: Uint8Array, type: MessageType): EncodedPayload {
  if (type !== 'binary') return { type, data: decodeText(bytes, type) };
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return { type, data, encoding: 'base64' };
}

/** The bytes of a received message. */
export function payloadBytes(message: IncomingMessage): Uint8Array {
  return new Uint8Array(Buffer.from(dataOf(message), message.encoding ?? 'utf8'));
}

/** The text of a received message; `invalid_argument` when it is not UTF-8. */
export function payloadText(message: IncomingMessage): string {
  if (message.encoding !== 'base64') return dataOf(message);
  return decodeText(payloadBytes(message), 'text');
}

/** The JSON value of a received message. A peer chose it: check its shape before use. */
export function payloadJson(message: IncomingMessage): unknown {
  try {
    return JSON.parse(payloadText(message));
  } catch (cause) {
    throw new PilotError('invalid_argument', `message ${message.id} is not JSON`, { cause });
  }
}

function typeOf(payload: Payload): MessageType {
  if (typeof payload === 'string') return 'text';
  if (payload instanceof TypedPayload) return payload.type;
  return payload instanceof Uint8Array ? 'binary' : 'json';
}

function decodeText(bytes: Uint8Array, type: MessageType): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new PilotError('invalid_argument', `a ${type} payload has to be UTF-8`, {
      hint: 'use the type binary for other bytes',
      cause,
    });
  }
}

function dataOf(message: IncomingMessage): string {
  if (message.data !== undefined) return message.data;
  throw new PilotError('invalid_argument', `message ${message.id} came without its payload`, {
    hint: 'read it by its id, or list the inbox with full',
  });
}
