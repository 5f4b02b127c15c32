/** A caller's message, checked before anything of it is kept. */
import { locateJsonError } from '../../base/json-error.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { MessageType, SendMessageRequest } from '../../client/api.ts';
import { isUuid } from './uuid-bytes.ts';

export interface SendLimits {
  readonly maxPayloadBytes: number;
  readonly expiryMs: number;
}

export interface CheckedMessage {
  readonly type: MessageType;
  readonly payload: Uint8Array;
  /** The caller's, if it has one. */
  readonly id: string | undefined;
  /** Empty unless it answers a message. */
  readonly replyTo: string;
  readonly lifeMs: number;
}

const DAY_MS = 86_400_000;
const MAX_LIFE_MS = 30 * DAY_MS;
export const BASE64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}(?:==)?|[A-Za-z\d+/]{3}=?)?$/;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** PilotError `invalid_argument` for what cannot be sent. */
export function checkMessage(request: SendMessageRequest, limits: SendLimits): CheckedMessage {
  const payload = payloadOf(request);
  checkPayload(request.type, payload, limits.maxPayloadBytes);
  return {
    type: request.type,
    payload,
    id: request.message_id === undefined ? undefined : uuidOf(request.message_id, 'message_id'),
    replyTo: request.reply_to === undefined ? '' : uuidOf(request.reply_to, 'reply_to'),
    lifeMs: lifeOf(request.expires_ms, limits.expiryMs),
  };
}

/** The bytes of a payload as the local API carries it. PilotError `invalid_argument` for what is not base64. */
export function payloadOf({
  data,
  encoding,
}: Pick<SendMessageRequest, 'data' | 'encoding'>): Uint8Array {
  if (encoding !== 'base64') return new Uint8Array(Buffer.from(data, 'utf8'));
  if (BASE64.test(data)) return new Uint8Array(Buffer.from(data, 'base64'));
  throw new PilotError('invalid_argument', 'the payload is not base64', {
    hint: 'Send the standard alphabet without line ends, or leave the encoding out for text.',
  });
}

function checkPayload(type: MessageType, payload: Uint8Array, maxBytes: number): void {
  if (payload.length > maxBytes) {
    const message = `the payload has ${payload.length} bytes; at most ${maxBytes} can be sent`;
    throw new PilotError('invalid_argument', message, {
      hint: 'Send it in parts, or raise messaging.max_payload_kb on both hosts (up to 1024).',
    });
  }
  if (type === 'binary') return;
  const text = decodeText(payload);
  if (type === 'text') return;
  try {
    JSON.parse(text);
  } catch (error) {
    const place = locateJsonError(text);
    const where = place === undefined ? '' : ` (line ${place.line}, column ${place.column})`;
    throw new PilotError('invalid_argument', `the payload is not JSON${where}`, {
      hint: 'Mend it, or send it with the type text.',
      cause: error,
    });
  }
}

function decodeText(payload: Uint8Array): string {
  try {
    return strictUtf8.decode(payload);
  } catch (error) {
    throw new PilotError('invalid_argument', 'the payload is not UTF-8 text', {
      hint: 'Send it with the type binary.',
      cause: error,
    });
  }
}

function uuidOf(text: string, member: string): string {
  const uuid = text.toLowerCase();
  if (isUuid(uuid)) return uuid;
  throw new PilotError('invalid_argument', `${member} is not a UUID: ${text.slice(0, 64)}`, {
    hint: 'Message ids look like 0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d70; see: pilotctl inbox',
  });
}

function lifeOf(requestedMs: number | undefined, defaultMs: number): number {
  const lifeMs = requestedMs ?? defaultMs;
  if (lifeMs >= 1 && lifeMs <= MAX_LIFE_MS) return lifeMs;
  throw new PilotError('invalid_argument', 'a message lives at most 30 days', {
    hint: 'Give a shorter time: --expires 7d',
  });
}
