import type { Emitter } from '../../base/events.ts';
import type {
  EventMap,
  HostnameReply,
  InboxCleared,
  InboxList,
  InboxQuery,
  InboxReadQuery,
  IncomingMessage,
  MessageStatus,
  NodeNames,
  OutboxList,
  OutgoingMessage,
  PathAlarmKind,
  PeerView,
  PendingTrust,
  PingReply,
  PingRequest,
  PreferDirectReply,
  RelayView,
  ResolveReply,
  SendMessageReply,
  SendMessageRequest,
  TaggedNode,
  TagsReply,
  TargetRequest,
  TracerouteReply,
  TracerouteRequest,
  TrustChangeReply,
  TrustedNode,
  TrustRejectRequest,
  TrustRequest,
  TrustRequestReply,
} from '../../client/api.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import type { StreamTotals } from '../streams/stream-counters.ts';

/** Totals since the node started; what metrics and `info` show. */
export interface NodeCounters {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsOverRelay: number;
  readonly messagesByStatus: Readonly<Record<MessageStatus, number>>;
  readonly outboxMessages: number;
  readonly outboxBytes: number;
  readonly inboxMessages: number;
  readonly inboxBytes: number;
  readonly inboxUnread: number;
  readonly pendingTrust: number;
  readonly sessionsOpen: number;
  /** Of these the ones that no relay carries. */
  readonly sessionsDirect: number;
  /** By what carries a session from then on: `direct`, `relay`, `webrtc`, `none`. */
  readonly pathChanges: ReadonlyMap<string, number>;
  /** Searches for a direct path, by `succeeded` or a code. */
  readonly pathAttempts: ReadonlyMap<string, number>;
  /** Direct paths that had been in use, by the code. */
  readonly pathLosses: ReadonlyMap<string, number>;
  /** Peers for which each alarm stands now. */
  readonly pathAlarms: Readonly<Record<PathAlarmKind, number>>;
  readonly streams: StreamTotals;
  /** What was dropped, by reason: `replayed`, `malformed`, `untrusted`, `rate_limited`, … */
  readonly drops: ReadonlyMap<string, number>;
}

/**
 * A running node as the local API sees it. Every call throws `PilotError` for what the caller can
 * mend. Long calls end with the signal's reason when it is aborted.
 */
export interface NodeApi {
  readonly events: Emitter<EventMap>;
  /** Streams and datagrams with peers. */
  readonly ports: NodePorts;
  /** Called with the milliseconds of every measured round trip (pings and message acknowledgements). */
  onRoundTrip: (rttMs: number) => void;

  names(): NodeNames;
  relays(): readonly RelayView[];
  peers(): readonly PeerView[];
  warnings(): readonly string[];
  counters(): NodeCounters;

  setHostname(hostname: string): Promise<HostnameReply>;
  /** None gives them up. */
  setTags(tags: readonly string[]): Promise<TagsReply>;
  /** The trusted nodes that have it, by the newest records that relays have. */
  findTagged(tag: string, signal?: AbortSignal): Promise<readonly TaggedNode[]>;
  resolve(target: string, signal?: AbortSignal): Promise<ResolveReply>;
  preferDirect(request: TargetRequest, signal?: AbortSignal): Promise<PreferDirectReply>;
  ping(request: PingRequest, signal?: AbortSignal): Promise<PingReply>;
  traceroute(request: TracerouteRequest, signal?: AbortSignal): Promise<TracerouteReply>;

  requestTrust(request: TrustRequest, signal?: AbortSignal): Promise<TrustRequestReply>;
  approveTrust(request: TargetRequest): Promise<TrustChangeReply>;
  rejectTrust(request: TrustRejectRequest): Promise<TrustChangeReply>;
  revokeTrust(request: TargetRequest): Promise<TrustChangeReply>;
  pendingTrust(): readonly PendingTrust[];
  trusted(): readonly TrustedNode[];

  /**
   * Resolves once the message is on this host's disk (and, as the request says, confirmed or
   * answered). With `wait_ms` and no reply in time it throws `timeout`; the message stays on its way.
   */
  send(request: SendMessageRequest, signal?: AbortSignal): Promise<SendMessageReply>;
  messageStatus(id: string): OutgoingMessage;
  outbox(): OutboxList;
  retryOutbox(id: string): Promise<OutgoingMessage>;
  dropOutbox(id: string): Promise<OutgoingMessage>;

  inbox(query: InboxQuery): InboxList;
  /** The whole message; marked as read unless the query says `peek`. */
  readInbox(id: string, query?: InboxReadQuery): Promise<IncomingMessage>;
  markInboxRead(id: string): Promise<IncomingMessage>;
  clearInbox(query: { before?: string }): Promise<InboxCleared>;
}
