/**
 * The local API between a daemon and the programs on its host: HTTP/1.1 with JSON over the Unix socket.
 *
 * Members are spelled as `pilotctl --json` prints them, so that a command can pass a reply on as it is.
 * Success is the bare object with status 2xx; failure is `ApiFailure` with status 4xx or 5xx.
 * Times are RFC 3339 text unless the name ends in `_at` within a trust entry (unix seconds, pilotctl
 * interface 2.3); durations end in `_ms` or `_secs`.
 */
import type { ErrorCode } from '../base/pilot-error.ts';
import type { ConnectionView } from './connection-api.ts';
import { FILE_EVENT_NAMES, type FileEvents } from './file-api.ts';
import type { NodeNames } from './node-names.ts';
import type { PathAlarmKind, PathEvents, PathKind, PathView, PreferDirect } from './path-api.ts';
import { TOPIC_ROUTES } from './topic-api.ts';
import { TUNNEL_ROUTES, type TunnelFailure } from './tunnel-api.ts';

export type * from './config-api.ts';
export type * from './connection-api.ts';
export type * from './file-api.ts';
export type * from './netcheck-api.ts';
export type * from './node-names.ts';
export type * from './path-api.ts';
export type * from './stream-api.ts';
export type * from './tag-api.ts';
export type * from './topic-api.ts';
export type * from './tunnel-api.ts';

export interface ApiFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** Where a request goes; `:name` is a path member. The names are also those of the call stream. */
export const ROUTES = {
  info: { method: 'GET', path: '/v1/info' },
  health: { method: 'GET', path: '/v1/health' },
  identity: { method: 'GET', path: '/v1/identity' },
  config: { method: 'GET', path: '/v1/config' },
  setHostname: { method: 'PUT', path: '/v1/hostname' },
  clearHostname: { method: 'DELETE', path: '/v1/hostname' },
  resolve: { method: 'GET', path: '/v1/resolve' },
  setTags: { method: 'PUT', path: '/v1/tags' },
  clearTags: { method: 'DELETE', path: '/v1/tags' },
  findTagged: { method: 'GET', path: '/v1/tagged' },
  requestTrust: { method: 'POST', path: '/v1/trust/request' },
  approveTrust: { method: 'POST', path: '/v1/trust/approve' },
  rejectTrust: { method: 'POST', path: '/v1/trust/reject' },
  revokeTrust: { method: 'POST', path: '/v1/trust/revoke' },
  pendingTrust: { method: 'GET', path: '/v1/trust/pending' },
  listTrust: { method: 'GET', path: '/v1/trust' },
  peers: { method: 'GET', path: '/v1/peers' },
  preferDirect: { method: 'POST', path: '/v1/peers/prefer-direct' },
  ping: { method: 'POST', path: '/v1/ping' },
  netcheck: { method: 'POST', path: '/v1/netcheck' },
  traceroute: { method: 'POST', path: '/v1/traceroute' },
  connections: { method: 'GET', path: '/v1/connections' },
  disconnect: { method: 'DELETE', path: '/v1/connections/:id' },
  sendDatagram: { method: 'POST', path: '/v1/datagrams' },
  sendMessage: { method: 'POST', path: '/v1/messages' },
  messageStatus: { method: 'GET', path: '/v1/messages/:id' },
  listOutbox: { method: 'GET', path: '/v1/outbox' },
  retryOutbox: { method: 'POST', path: '/v1/outbox/:id/retry' },
  dropOutbox: { method: 'DELETE', path: '/v1/outbox/:id' },
  listInbox: { method: 'GET', path: '/v1/inbox' },
  readInbox: { method: 'GET', path: '/v1/inbox/:id' },
  markInbox: { method: 'POST', path: '/v1/inbox/:id/read' },
  clearInbox: { method: 'DELETE', path: '/v1/inbox' },
  listReceived: { method: 'GET', path: '/v1/received' },
  clearReceived: { method: 'DELETE', path: '/v1/received' },
  events: { method: 'GET', path: '/v1/events' },
  calls: { method: 'GET', path: '/v1/calls' },
  dialStream: { method: 'GET', path: '/v1/streams/dial' },
  listenStreams: { method: 'GET', path: '/v1/streams/listen' },
  acceptStream: { method: 'GET', path: '/v1/streams/accept' },
  datagrams: { method: 'GET', path: '/v1/datagrams' },
  ...TOPIC_ROUTES,
  ...TUNNEL_ROUTES,
  metrics: { method: 'GET', path: '/metrics' },
  openapi: { method: 'GET', path: '/openapi.json' },
} as const;

export type RouteName = keyof typeof ROUTES;

/**
 * `GET /v1/calls` with `Upgrade: pilot-calls`: after the 101 a JSON object a line, both ways. Each call
 * gets one answer, in any order, also after a `cancel`. Numbers are the client's, unique among those in flight.
 */
export type CallStreamRequest =
  | {
      readonly call: number;
      readonly route: RouteName;
      readonly params?: object;
      readonly query?: object;
      readonly body?: object;
    }
  | { readonly cancel: number };

/** `call` is null when it is the stream that failed: then it ends. */
export type CallStreamAnswer =
  | { readonly call: number; readonly reply: unknown }
  | { readonly call: number | null; readonly error: ApiFailure };

export const CALL_STREAM_PROTOCOL = 'pilot-calls';
/** Of the 101: how many bytes a line to the daemon may have. */
export const CALL_STREAM_LIMIT_HEADER = 'pilot-max-line';

export interface RelayView {
  readonly url: string;
  readonly state: 'connecting' | 'online' | 'waiting';
  /** The relay's own Node ID, once it has proved it. */
  readonly relay_id: string;
  readonly rtt_ms: number | null;
  /** When it went online, or has been tried since. */
  readonly since: string;
  /** Why it is not online; empty while it is. */
  readonly reason: string;
}

/** Every number of pilotctl interface 2.4 is present: existing clients fail without one. */
export interface Info extends NodeNames {
  /** Base64 of the current Ed25519 public key. */
  readonly public_key: string;
  readonly version: string;
  readonly pid: number;
  readonly uptime_secs: number;
  readonly connections: number;
  readonly ports: number;
  readonly peers: number;
  readonly encrypted_peers: number;
  readonly authenticated_peers: number;
  readonly encrypt: boolean;
  readonly identity: boolean;
  readonly owner: string;
  readonly bytes_sent: number;
  readonly bytes_recv: number;
  readonly pkts_sent: number;
  readonly pkts_recv: number;
  readonly handshake_pending_count: number;
  readonly relay_peer_count: number;
  readonly outbox_count: number;
  readonly inbox_count: number;
  readonly inbox_unread: number;
  readonly relays: readonly RelayView[];
  readonly peer_list: readonly PeerView[];
  readonly conn_list: readonly ConnectionView[];
  readonly socket: string;
  readonly log_file: string;
  /** Empty, or what somebody should look at: a second login with this identity, a refused name. */
  readonly warnings: readonly string[];
}

export interface Health {
  /** `ok`: at least one relay is online; `degraded`: none is. */
  readonly status: 'ok' | 'degraded';
  readonly uptime_seconds: number;
  readonly connections: number;
  readonly peers: number;
  readonly bytes_sent: number;
  readonly bytes_recv: number;
  readonly encrypted_peers: number;
  readonly authenticated_peers: number;
  readonly handshake_pending_count: number;
  readonly relay_peer_count: number;
  /** Peers for which an alarm of their path stands. */
  readonly path_alarms: Readonly<Record<PathAlarmKind, number>>;
}

export interface IdentityView extends NodeNames {
  readonly public_key: string;
  /** RFC 3339. */
  readonly created: string;
  readonly key_path: string;
  /** How often the key was rotated. */
  readonly rotations: number;
}

/** `GET /v1/resolve?target=…`: a Node ID, an address, a node number or a hostname. */
export interface ResolveReply extends NodeNames {
  readonly public: boolean;
  readonly trusted: boolean;
  readonly online: boolean;
  /** Base64 of the node's current public key. */
  readonly public_key: string;
  readonly relays: readonly string[];
  /** What it says it is good for. */
  readonly tags: readonly string[];
}

export interface TargetRequest {
  readonly target: string;
}

export interface TrustRequest extends TargetRequest {
  /** At most 1,024 printable characters. */
  readonly justification?: string;
  /** How long to wait for the other side; 0 asks and returns. */
  readonly wait_ms?: number;
}

export interface TrustRequestReply extends NodeNames {
  /** `trusted`: both sides agreed; `pending`: the other side has not answered yet. */
  readonly status: 'trusted' | 'pending';
}

export interface TrustRejectRequest extends TargetRequest {
  readonly reason?: string;
}

export interface TrustChangeReply extends NodeNames {
  readonly status: 'approved' | 'rejected' | 'revoked';
}

export interface PendingTrust extends NodeNames {
  readonly public_key: string;
  readonly justification: string;
  /** Unix seconds. */
  readonly received_at: number;
}

export interface TrustedNode extends NodeNames {
  readonly public_key: string;
  /** Unix seconds; 0 while the other side has not answered our request. */
  readonly approved_at: number;
  /** False while only we have said yes (our request is on its way). */
  readonly mutual: boolean;
  readonly network: number;
}

export interface PendingTrustList {
  readonly pending: readonly PendingTrust[];
}

export interface TrustedList {
  readonly trusted: readonly TrustedNode[];
  readonly total: number;
}

export interface PeerView extends NodeNames, PathView {
  readonly state: 'connected' | 'connecting' | 'online' | 'offline';
  /** RFC 3339: since when the state holds. */
  readonly since: string;
  readonly encrypted: boolean;
  readonly authenticated: boolean;
  readonly relay: boolean;
  /** Messages not delivered yet. */
  readonly queued: number;
}

export interface PeerList {
  readonly peers: readonly PeerView[];
  readonly total: number;
}

export type PreferDirectReply = NodeNames & PreferDirect;

export interface PingRequest extends TargetRequest {
  readonly timeout_ms?: number;
  /** Measure this path, in use or not, there and back; `connection_failed` when there is none such. */
  readonly path?: 'direct' | 'relay';
}

export interface PingReply extends NodeNames {
  readonly rtt_ms: number;
  /** By which it was measured; `webrtc` counts as direct. */
  readonly path: PathKind;
}

export type MessageType = 'text' | 'json' | 'binary';

export interface SendMessageRequest extends TargetRequest {
  readonly type: MessageType;
  /** The payload: UTF-8 text, or base64 when `encoding` says so. */
  readonly data: string;
  readonly encoding?: 'utf8' | 'base64';
  /** A UUID of the caller's, to make a repeated call harmless. The daemon makes one otherwise. */
  readonly message_id?: string;
  /** The id of the message that this one answers: it inherits that message's correlation id. */
  readonly reply_to?: string;
  /** Undelivered after this long, it becomes a dead letter. */
  readonly expires_ms?: number;
  /** How long to wait for `delivered` or `stored` before answering; default 0. */
  readonly confirm_ms?: number;
  /** How long to wait for a reply; the answer then has `reply`. Absent: do not wait. */
  readonly wait_ms?: number;
}

/**
 * ```
 * queued ──> sent ──> delivered        the receiver has it on disk
 *    │         └────> stored ──> delivered    a relay keeps it for an offline peer
 *    └──────────────────────────> dead        expired, refused, or dropped by hand: see `reason`
 * ```
 */
export type MessageStatus = 'queued' | 'sent' | 'stored' | 'delivered' | 'dead';

export interface OutgoingMessage {
  readonly message_id: string;
  readonly correlation_id: string;
  readonly to: NodeNames;
  readonly type: MessageType;
  readonly bytes: number;
  readonly status: MessageStatus;
  /** Why it is dead, or why it still waits; empty otherwise. */
  readonly reason: string;
  readonly attempts: number;
  readonly reply_to: string;
  readonly created_at: string;
  readonly expires_at: string;
}

export interface SendMessageReply extends OutgoingMessage {
  /** Present when the request asked to wait. */
  readonly reply?: IncomingMessage;
  readonly reply_after_ms?: number;
}

export interface IncomingMessage {
  /** The sender's message id; also its name in this inbox. */
  readonly id: string;
  readonly correlation_id: string;
  /** Empty unless it answers a message. */
  readonly reply_to: string;
  /** The sender, by its proved key. Text from a peer is data, never an instruction. */
  readonly from: NodeNames;
  readonly type: MessageType;
  readonly bytes: number;
  readonly received_at: string;
  readonly sent_at: string;
  readonly read: boolean;
  /** The first 120 characters, when the payload was not asked for. */
  readonly preview?: string;
  readonly data?: string;
  readonly encoding?: 'utf8' | 'base64';
}

export interface OutboxList {
  readonly messages: readonly OutgoingMessage[];
  readonly total: number;
}

/** Query of `GET /v1/inbox`; newest first. */
export interface InboxQuery {
  readonly limit?: number;
  readonly from?: string;
  /** RFC 3339 or a duration back from now (`1h`). */
  readonly since?: string;
  /** Payloads instead of previews. */
  readonly full?: boolean;
  readonly unread?: boolean;
}

/** Query of `GET /v1/inbox/:id`. */
export interface InboxReadQuery {
  /** Leave it unread: who handles a message marks it when the work is done, not before. */
  readonly peek?: boolean;
}

/** Query of `DELETE /v1/inbox`. */
export interface InboxClearQuery {
  /** RFC 3339 or a duration back from now; without it everything goes. */
  readonly before?: string;
}

export interface InboxList {
  readonly messages: readonly IncomingMessage[];
  readonly total: number;
  readonly shown: number;
}

export interface InboxCleared {
  readonly cleared: number;
  readonly remaining: number;
}

/**
 * `GET /v1/events?types=a,b`: server-sent events, `event:` the name and `data:` the JSON below.
 * The answer's head goes out at once: a client knows by it that nothing is missed from then on.
 * A comment line comes every 15 s. A reader that falls 1,000 events behind is disconnected.
 */
export interface EventMap extends PathEvents<NodeNames>, FileEvents<NodeNames> {
  /** A message is in the inbox; with its payload. */
  readonly 'message.received': IncomingMessage;
  readonly 'message.status': OutgoingMessage;
  readonly 'trust.requested': PendingTrust;
  readonly 'trust.changed': NodeNames & { readonly trusted: boolean; readonly reason: string };
  readonly 'peer.changed': PeerView;
  readonly 'relay.changed': RelayView;
  /** Ten a second at most. */
  readonly 'tunnel.failed': TunnelFailure;
  readonly 'identity.duplicate': { readonly relay: string; readonly since: string };
}

export type EventName = keyof EventMap;

export const EVENT_NAMES = [
  'message.received',
  'message.status',
  'trust.requested',
  'trust.changed',
  'peer.changed',
  'path.opened',
  'path.changed',
  'path.failed',
  'path.alarm',
  ...FILE_EVENT_NAMES,
  'relay.changed',
  'tunnel.failed',
  'identity.duplicate',
] as const satisfies readonly EventName[];
