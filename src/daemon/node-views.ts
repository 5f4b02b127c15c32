/** What the local API shows, from what the node keeps. */
import { fromHex } from '../base/bytes.ts';
import type {
  IncomingMessage,
  NodeNames,
  OutgoingMessage,
  PeerView,
  PendingTrust,
  TrustedNode,
} from '../client/api.ts';
import { formatAddress, nextNodeNumber } from '../identity/address.ts';
import type { KeyChain } from '../identity/key-chain.ts';
import { encodeNodeId } from '../identity/node-id.ts';
import { type InboxEntry, payloadText } from './inbox-entry.ts';
import type { OutboxEntry } from './outbox-entry.ts';
import { peerPathView } from './path-views.ts';
import type { Peer } from './peer.ts';
import type { TrustRecord } from './trust-record.ts';

export function namesOf(known: {
  readonly chain: KeyChain;
  readonly node: number;
  readonly hostname: string;
}): NodeNames {
  return {
    id: encodeNodeId(known.chain.firstKey),
    node_id: known.node,
    address: formatAddress({ network: 0, node: known.node }),
    hostname: known.hostname,
  };
}

/** A node that we know by its key alone: its number is the one that a key gets first. */
export function namesOfKey(peer: string): NodeNames {
  const firstKey = fromHex(peer);
  const node = nextNodeNumber(firstKey)?.node ?? 0;
  const address = formatAddress({ network: 0, node });
  return { id: encodeNodeId(firstKey), node_id: node, address, hostname: '' };
}

export function publicKeyOf(chain: KeyChain): string {
  return Buffer.from(chain.currentKey).toString('base64');
}

export function pendingView(record: TrustRecord): PendingTrust {
  return {
    ...namesOf(record),
    public_key: publicKeyOf(record.chain),
    justification: record.justification,
    received_at: Math.floor(record.sinceMs / 1000),
  };
}

export function trustedView(record: TrustRecord): TrustedNode {
  const isMutual = record.state === 'trusted';
  return {
    ...namesOf(record),
    public_key: publicKeyOf(record.chain),
    approved_at: isMutual ? Math.floor(record.sinceMs / 1000) : 0,
    mutual: isMutual,
    network: 0,
  };
}

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

/** Undefined: a node that this one deals with no more, as an event may still mention it. */
export function peerView(names: NodeNames, peer: Peer | undefined, queued: number): PeerView {
  const since = new Date(peer?.sinceMs ?? 0).toISOString();
  const view = { ...names, state: peer?.state ?? 'offline', since, queued } as const;
  const path = peerPathView(peer);
  const hasSession = path.path !== '';
  return {
    ...view,
    ...path,
    encrypted: hasSession,
    authenticated: hasSession,
    relay: path.path === 'relay',
  };
}
