import { Emitter } from '../../src/base/events.ts';
import { PilotError } from '../../src/base/pilot-error.ts';
import type {
  EventMap,
  InboxQuery,
  IncomingMessage,
  NodeNames,
  OutgoingMessage,
  PeerView,
  PendingTrust,
  PingRequest,
  PreferDirectReply,
  RelayView,
  SendMessageRequest,
  TargetRequest,
  TrustChangeReply,
  TrustedNode,
} from '../../src/client/api.ts';
import type { HostFacts } from '../../src/daemon/api/host-view.ts';
import type { NodeApi, NodeCounters } from '../../src/daemon/node/node-api.ts';
import { type TraceFacts, traceHops } from '../../src/daemon/node/trace-hops.ts';
import type { NodePorts } from '../../src/daemon/streams/port-calls.ts';
import { NETCHECK } from '../client/fake-netcheck.ts';
import { lonelyPorts } from './joined-ports.ts';

export const NAMES: NodeNames = {
  id: 'pilot1fake',
  node_id: 0x12345678,
  address: '0:0000.1234.5678',
  hostname: 'fake',
};
const TIME = '2026-01-01T00:00:00.000Z';

export const RELAY: RelayView = {
  url: 'wss://relay.example',
  state: 'online',
  relay_id: 'pilot1relay',
  rtt_ms: 12.5,
  since: TIME,
  reason: '',
};

export const PEER: PeerView = {
  ...NAMES,
  state: 'connected',
  path: 'relay',
  endpoint: RELAY.url,
  rtt_ms: 25,
  path_since: '2026-01-01T00:00:01.000Z',
  why_not_direct: 'no check was answered',
  alarms: [],
  since: TIME,
  encrypted: true,
  authenticated: true,
  relay: true,
  queued: 0,
};

export const PENDING: PendingTrust = {
  ...NAMES,
  public_key: 'AAAA',
  justification: 'hello',
  received_at: 1_767_225_600,
};

export const INCOMING: IncomingMessage = {
  id: '01920000-0000-7000-8000-000000000001',
  correlation_id: '01920000-0000-7000-8000-000000000002',
  reply_to: '',
  from: NAMES,
  type: 'text',
  bytes: 2,
  received_at: TIME,
  sent_at: TIME,
  read: false,
  data: 'hi',
  encoding: 'utf8',
};

export const OUTGOING: OutgoingMessage = {
  message_id: '01920000-0000-7000-8000-000000000003',
  correlation_id: '01920000-0000-7000-8000-000000000003',
  to: NAMES,
  type: 'text',
  bytes: 2,
  status: 'queued',
  reason: '',
  attempts: 0,
  reply_to: '',
  created_at: TIME,
  expires_at: TIME,
};

export const PREFERRED: PreferDirectReply = {
  ...NAMES,
  ...{ path: 'direct', endpoint: '203.0.113.10:4000', rtt_ms: 1.5, why_not_direct: '' },
  ...{ had_tunnel: true, was_relay_active: true },
};

const TRACE_FACTS: TraceFacts = {
  ...{ path: 'relay', endpoint: RELAY.url, rttMs: 1.5, relays: [RELAY], natEndpoint: '' },
};

const COUNTERS: NodeCounters = {
  bytesSent: 1000,
  bytesReceived: 2000,
  packetsSent: 10,
  packetsReceived: 20,
  packetsOverRelay: 15,
  messagesByStatus: { queued: 1, sent: 2, stored: 3, delivered: 9, dead: 1 },
  outboxMessages: 6,
  outboxBytes: 600,
  inboxMessages: 4,
  inboxBytes: 400,
  inboxUnread: 2,
  pendingTrust: 1,
  sessionsOpen: 4,
  sessionsDirect: 3,
  pathChanges: new Map([['direct', 5]]),
  pathAttempts: new Map([['no_answer', 2]]),
  pathLosses: new Map([['consent_lost', 1]]),
  pathAlarms: { no_direct_path: 2, slow_path: 1 },
  streams: {
    ...{ open: 2, bytesSent: 300, bytesReceived: 400 },
    opened: new Map([['incoming', 3]]),
    resets: new Map([['cancelled', 1]]),
  },
  drops: new Map([['replayed', 7]]),
};

/** A node that answers with fixed values, keeps what it was asked, and waits where a test says so. */
export class FakeNode implements NodeApi {
  readonly events = new Emitter<EventMap>();
  ports: NodePorts = lonelyPorts();
  readonly calls: { readonly name: string; readonly args: readonly unknown[] }[] = [];
  onRoundTrip: (rttMs: number) => void = () => undefined;
  relayViews: readonly RelayView[] = [RELAY];
  totals: NodeCounters = COUNTERS;
  /** What the next calls throw. */
  failure: Error | undefined;
  /** Calls with a signal settle only when it is aborted. */
  isWaiting = false;
  readonly aborted: unknown[] = [];
  #arrived: () => void = () => undefined;
  #onAbort: () => void = () => undefined;

  /** Resolves when the next waiting call has arrived. */
  async nextWait(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  async nextAbort(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAbort = resolve;
    });
  }

  names = (): NodeNames => this.#answer('names', [], NAMES);
  relays = (): readonly RelayView[] => this.relayViews;
  peers = (): readonly PeerView[] => this.#answer('peers', [], [PEER]);
  warnings = (): readonly string[] => ['somebody else has this identity'];
  counters = (): NodeCounters => this.totals;
  pendingTrust = (): readonly PendingTrust[] => this.#answer('pendingTrust', [], [PENDING]);
  trusted = (): readonly TrustedNode[] =>
    this.#answer(
      'trusted',
      [],
      [{ ...NAMES, public_key: 'AAAA', approved_at: 1, mutual: true, network: 0 }],
    );
  messageStatus = (id: string): OutgoingMessage => this.#answer('messageStatus', [id], OUTGOING);
  outbox = (): { messages: OutgoingMessage[]; total: number } =>
    this.#answer('outbox', [], { messages: [OUTGOING], total: 1 });
  inbox = (query: InboxQuery): { messages: IncomingMessage[]; total: number; shown: number } =>
    this.#answer('inbox', [query], { messages: [INCOMING], total: 1, shown: 1 });

  setHostname: NodeApi['setHostname'] = async (hostname) =>
    this.#settle('setHostname', [hostname], { hostname, node_id: NAMES.node_id, published: true });
  resolve: NodeApi['resolve'] = async (target, signal) =>
    this.#settle(
      'resolve',
      [target],
      {
        ...NAMES,
        public: false,
        trusted: true,
        online: true,
        public_key: 'AAAA',
        relays: [],
        tags: [],
      },
      signal,
    );
  setTags: NodeApi['setTags'] = async (tags) =>
    this.#settle('setTags', [tags], { node_id: NAMES.node_id, tags, published: true });
  findTagged: NodeApi['findTagged'] = async (tag, signal) =>
    this.#settle('findTagged', [tag], [{ ...NAMES, tags: [tag], online: true }], signal);
  traceroute: NodeApi['traceroute'] = async (request, signal) =>
    this.#settle(
      'traceroute',
      [request],
      { ...NAMES, path: 'relay', hops: traceHops(TRACE_FACTS) },
      signal,
    );
  ping: NodeApi['ping'] = async (request: PingRequest, signal) =>
    this.#settle('ping', [request], { ...NAMES, rtt_ms: 1.5, path: 'relay' }, signal);
  preferDirect: NodeApi['preferDirect'] = async (request, signal) =>
    this.#settle('preferDirect', [request], PREFERRED, signal);
  netcheck: HostFacts['netcheck'] = async (request, signal) =>
    this.#settle('netcheck', [request], NETCHECK, signal);
  received: HostFacts['received'] = {
    list: async (query) =>
      this.#settle('listReceived', [query], { files: [], total: 0, shown: 0, dir: '/received' }),
    clear: async (query) =>
      this.#settle('clearReceived', [query], { cleared: 1, remaining: 0, cleared_partial: 0 }),
  };
  requestTrust: NodeApi['requestTrust'] = async (request, signal) =>
    this.#settle('requestTrust', [request], { ...NAMES, status: 'pending' }, signal);
  approveTrust = async (request: TargetRequest): Promise<TrustChangeReply> =>
    this.#settle('approveTrust', [request], { ...NAMES, status: 'approved' });
  rejectTrust = async (request: TargetRequest): Promise<TrustChangeReply> =>
    this.#settle('rejectTrust', [request], { ...NAMES, status: 'rejected' });
  revokeTrust = async (request: TargetRequest): Promise<TrustChangeReply> =>
    this.#settle('revokeTrust', [request], { ...NAMES, status: 'revoked' });
  send: NodeApi['send'] = async (request: SendMessageRequest, signal) =>
    this.#settle('send', [request], OUTGOING, signal);
  retryOutbox = async (id: string): Promise<OutgoingMessage> =>
    this.#settle('retryOutbox', [id], OUTGOING);
  dropOutbox = async (id: string): Promise<OutgoingMessage> =>
    this.#settle('dropOutbox', [id], OUTGOING);
  readInbox: NodeApi['readInbox'] = async (id, query) =>
    this.#settle('readInbox', [id, query], INCOMING);
  markInboxRead = async (id: string): Promise<IncomingMessage> =>
    this.#settle('markInboxRead', [id], INCOMING);
  clearInbox: NodeApi['clearInbox'] = async (query) =>
    this.#settle('clearInbox', [query], { cleared: 1, remaining: 0 });

  #answer<T>(name: string, args: readonly unknown[], value: T): T {
    this.calls.push({ name, args });
    if (this.failure !== undefined) throw this.failure;
    return value;
  }

  async #settle<T>(
    name: string,
    args: readonly unknown[],
    value: T,
    signal?: AbortSignal,
  ): Promise<T> {
    const answer = this.#answer(name, args, value);
    if (signal === undefined || !this.isWaiting) return answer;
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.aborted.push(signal.reason);
        reject(signal.reason instanceof Error ? signal.reason : new PilotError('internal', '?'));
        this.#onAbort();
      });
      this.#arrived();
    });
  }
}
