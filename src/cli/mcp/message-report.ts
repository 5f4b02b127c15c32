/** A received message as a model gets it: where it is from first, then a bounded piece of what the peer wrote. */
import * as z from 'zod';

import type { RandomBytes } from '../../base/random.ts';
import { type IncomingMessage, payloadBytes } from '../../client/client.ts';
import { nodeLine, nodeSchema, nodeView } from './node-schema.ts';
import { CONTENT_WARNING, contentOf, contentSchema, type Piece } from './untrusted-content.ts';
import { quoteUntrusted } from './untrusted-text.ts';

const messageFields = {
  id: z.string(),
  correlation_id: z.string(),
  reply_to: z.string().describe('the message that this one answers; empty: none'),
  from: nodeSchema,
  type: z.string().describe('text, json or binary, as the sender calls it'),
  bytes: z.int(),
  received_at: z.string(),
  claimed_sent_at: z.string(),
  read: z.boolean(),
};

/** One of a list. */
export const listedSchema = z.object({
  ...messageFields,
  untrusted_preview: z.string().describe(`its first characters: ${CONTENT_WARNING}`),
});

export const messageSchema = z.object({
  ...messageFields,
  untrusted_content: contentSchema,
});

export type ListedMessage = z.infer<typeof listedSchema>;
export type MessageReport = z.infer<typeof messageSchema>;

export function listedMessage(message: IncomingMessage): ListedMessage {
  return { ...fieldsOf(message), untrusted_preview: message.preview ?? '' };
}

export function messageReport(message: IncomingMessage, piece: Piece = {}): MessageReport {
  const bytes = payloadBytes(message);
  const isText = message.encoding !== 'base64' && piece.asBase64 !== true;
  const all = { bytes, at: 0, total: bytes.length };
  return { ...fieldsOf(message), untrusted_content: contentOf(all, piece, isText) };
}

export function messageText(message: MessageReport, random: RandomBytes): string {
  const { data, encoding, offset, bytes, next_offset: next } = message.untrusted_content;
  const part = next === null && offset === 0 ? '' : `, these are ${bytes} from ${offset}`;
  const lines = [
    headLine(message),
    `${message.type}${encoding === 'base64' ? ' as base64' : ''}, ${message.bytes} bytes${part}`,
    quoteUntrusted(data, random),
  ];
  if (next !== null) {
    lines.push(`more: pilot_read with id ${message.id} and offset ${next}`);
  }
  return lines.join('\n');
}

export function listedText(message: ListedMessage, random: RandomBytes): string {
  const state = `${message.read ? 'read' : 'unread'}, ${message.type}, ${message.bytes} bytes`;
  const preview = message.untrusted_preview;
  const lines = [headLine(message), state];
  if (preview !== '') lines.push(quoteUntrusted(preview, random));
  return lines.join('\n');
}

function headLine({ id, from, received_at, reply_to }: Omit<ListedMessage, 'untrusted_preview'>) {
  const answers = reply_to === '' ? '' : `, in reply to ${reply_to}`;
  return `message ${id} from ${nodeLine(from)}, received ${received_at}${answers}`;
}

function fieldsOf(message: IncomingMessage): Omit<ListedMessage, 'untrusted_preview'> {
  const { id, correlation_id, reply_to, type, bytes, received_at, sent_at, read } = message;
  return {
    ...{ id, correlation_id, reply_to, from: nodeView(message.from), type, bytes },
    ...{ received_at, claimed_sent_at: sent_at, read },
  };
}
