import { PilotError } from '../base/pilot-error.ts';
import type { IncomingMessage, MessageType, SendMessageRequest } from './api.ts';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** What can be sent: text, bytes, or anything that JSON can say. */
export type Payload = Uint8Array | JsonValue;

type EncodedPayload = Pick<SendMessageRequest, 'type' | 'data' | 'encoding'>;

/**
 * A payload as the local API carries it. Without a type, a string is text, bytes are binary and
 * everything else is JSON.
 */
export function encodePayload(payload: Payload, type = typeOf(payload)): EncodedPayload {
  if (type === 'json' && !(payload instanceof Uint8Array)) {
    return { type, data: JSON.stringify(payload) };
  }
  if (typeof payload === 'string' && type === 'text') return { type, data: payload };
  const bytes = bytesOf(payload);
  if (type === 'binary') {
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    return { type, data, encoding: 'base64' };
  }
  return { type, data: decodeText(bytes, type) };
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
  return payload instanceof Uint8Array ? 'binary' : 'json';
}

function bytesOf(payload: Payload): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  return new TextEncoder().encode(typeof payload === 'string' ? payload : JSON.stringify(payload));
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
