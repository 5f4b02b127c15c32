/** Messages as the local API shows them, from what is kept of them. */
import type { IncomingMessage, NodeNames, OutgoingMessage } from '../../client/api.ts';
import { type InboxEntry, payloadText } from './inbox-entry.ts';
import type { OutboxEntry } from './outbox-entry.ts';

/** `waitsFor`: why it still waits, where the entry itself does not say. */
export function outgoingView(entry: OutboxEntry, to: NodeNames, waitsFor: string): OutgoingMessage {
  const { id, correlationId, type, bytes, state, reason, attempts } = entry;
  return {
    message_id: id,
    correlation_id: correlationId,
    to,
    ...{ type, bytes, attempts },
    status: state,
    reason: reason === '' && state === 'queued' ? waitsFor : reason,
    reply_to: entry.replyTo,
    created_at: new Date(entry.createdAtMs).toISOString(),
    expires_at: new Date(entry.expiresAtMs).toISOString(),
  };
}

/** With `payload` the whole message, without it a preview. */
export function incomingView(
  entry: InboxEntry,
  from: NodeNames,
  payload?: Uint8Array,
): IncomingMessage {
  return {
    id: entry.id,
    correlation_id: entry.correlationId,
    reply_to: entry.replyTo,
    from,
    type: entry.type,
    bytes: entry.bytes,
    received_at: new Date(entry.receivedAtMs).toISOString(),
    sent_at: new Date(entry.sentAtMs).toISOString(),
    read: entry.isRead,
    ...(payload === undefined ? { preview: entry.preview } : payloadText(entry.type, payload)),
  };
}
