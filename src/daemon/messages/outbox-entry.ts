/**
 * A message of this node on its way, as the outbox keeps it.
 *
 *     queued ──> sent ──> delivered      on the receiver's disk
 *       │ ^       │
 *       │ └───────┤ refused for now, the session ended, the relay forgot
 *       ├──> stored ──> delivered        a relay keeps it for an offline peer
 *       └──> dead                        expired, refused for good, dropped by hand: see `reason`
 *
 * `sent` is never written down: after a restart it is `queued` again, and goes out again.
 *
 * On disk (table `outbox`, key: sequence number) a CBOR map; the payload stands beside it in
 * `outbox-payloads`, so that a start reads no payloads.
 */
import { encodeCbor } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import { WireError } from '../../base/wire-error.ts';
import type { MessageStatus, MessageType } from '../../client/api.ts';
import { sequenceKey, type Write } from '../store/storage.ts';

export interface OutboxEntry {
  readonly sequence: number;
  readonly id: string;
  readonly correlationId: string;
  /** Empty unless it answers a message. */
  readonly replyTo: string;
  /** The receiver's first key, hexadecimal. */
  readonly peer: string;
  readonly type: MessageType;
  readonly bytes: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly state: MessageStatus;
  /** The relay that keeps it while it is `stored`. */
  readonly relay: string;
  /** Definite refusals so far. */
  readonly attempts: number;
  /** Why it is dead, or why it still waits. */
  readonly reason: string;
}

/** How the reason of a dead letter begins that nobody got in time. */
export const EXPIRED = 'expired';

const TYPES: readonly MessageType[] = ['text', 'json', 'binary'];
const STATES: readonly MessageStatus[] = ['queued', 'sent', 'stored', 'delivered', 'dead'];

export function encodeOutboxEntry(entry: OutboxEntry): Uint8Array {
  return encodeCbor({
    id: entry.id,
    c: entry.correlationId,
    r: entry.replyTo,
    p: entry.peer,
    t: entry.type,
    n: entry.bytes,
    at: entry.createdAtMs,
    x: entry.expiresAtMs,
    st: entry.state === 'sent' ? 'queued' : entry.state,
    relay: entry.relay,
    tries: entry.attempts,
    why: entry.reason,
  });
}

export function decodeOutboxEntry(sequence: number, bytes: Uint8Array): OutboxEntry {
  const fields = CborFields.decode(bytes);
  return {
    sequence,
    id: fields.text('id', {}),
    correlationId: fields.text('c', {}),
    replyTo: fields.text('r', {}),
    peer: fields.text('p', {}),
    type: oneOf(TYPES, fields.text('t', {})),
    bytes: fields.count('n'),
    createdAtMs: fields.count('at'),
    expiresAtMs: fields.count('x'),
    state: oneOf(STATES, fields.text('st', {})),
    relay: fields.text('relay', {}),
    attempts: fields.count('tries'),
    reason: fields.text('why', {}),
  };
}

function oneOf<T extends string>(known: readonly T[], found: string): T {
  const value = known.find((name) => name === found);
  if (value === undefined) throw new WireError(`${found} is not one of ${known.join(', ')}`);
  return value;
}

/** Keeps what is known of it; its payload stays as it is. */
export function entryWrite(entry: OutboxEntry): Write {
  return {
    table: 'outbox',
    key: sequenceKey(entry.sequence),
    value: encodeOutboxEntry(entry),
  };
}

/** Removes it and its payload. */
export function removalOf({ sequence }: OutboxEntry): Write[] {
  const key = sequenceKey(sequence);
  return [
    { table: 'outbox', key },
    { table: 'outbox-payloads', key },
  ];
}
