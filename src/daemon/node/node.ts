import { toHex } from '../../base/bytes.ts';
import { Deadlines } from '../../base/deadlines.ts';
import type { Emitter } from '../../base/events.ts';
import { isHostname } from '../../base/hostname.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { checkTags } from '../../base/tag.ts';
import type {
  EventMap,
  HostnameReply,
  InboxCleared,
  InboxList,
  InboxQuery,
  InboxReadQuery,
  IncomingMessage,
  NodeNames,
  OutboxList,
  OutgoingMessage,
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
import type { MailClaim } from '../messages/mail-claim.ts';
import { onDisk } from '../store/on-disk.ts';
import { PortCalls } from '../streams/port-calls.ts';
import type { TrustRecord } from '../trust/trust-record.ts';
import { InboxView } from './inbox-view.ts';
import type { NodeApi, NodeCounters } from './node-api.ts';
import { NodeCore, type NodeCoreDeps } from './node-core.ts';
import { pendingView, trustedView } from './node-views.ts';
import { noPathAllowed, PathCalls } from './path-calls.ts';
import { Resolver } from './resolver.ts';
import { TagSearch } from './tag-search.ts';
import { natEndpointOf } from './trace-hops.ts';
import { TrustCalls } from './trust-calls.ts';

/** A node: its state, its peers, its relays. It does not answer for the store, which it is given open. */
export class PilotNode implements NodeApi {
  readonly ports: PortCalls;
  readonly #core: NodeCore;
  readonly #deps: NodeCoreDeps;
  readonly #trust: TrustCalls;
  readonly #paths: PathCalls;
  readonly #inbox: InboxView;
  readonly #tags: TagSearch;
  readonly #resolver: Resolver;

  constructor(deps: NodeCoreDeps) {
    this.#deps = deps;
    this.ports = new PortCalls({
      ...{ clock: deps.clock, log: deps.log },
      peer: (key) => this.#core.peers.get(key),
      isTrusted: (key) => this.#core.store.stateOf(key) === 'trusted',
      dropped: (reason) => {
        this.#core.drops.set(reason, (this.#core.drops.get(reason) ?? 0) + 1);
      },
      keyOf: async (target) => (await this.#trusted(target)).peer,
      namesOf: (peer) => this.#core.namesOf(peer),
    });
    this.#core = new NodeCore(deps, this.ports);
    const deadlines = new Deadlines(deps.clock);
    this.#trust = new TrustCalls(this.#core, deadlines);
    this.#paths = new PathCalls({
      ...{ core: this.#core, clock: deps.clock, deadlines },
      looksForPaths: deps.network !== undefined,
      natEndpoint: () => natEndpointOf(deps.network?.natReport),
    });
    this.#resolver = new Resolver(this.#core, deps.identity);
    this.#tags = new TagSearch({
      ...{ deadlines, log: deps.log, trust: this.#core.trust },
      trusted: () => this.#core.store.inState('trusted'),
      lookup: async (key) => this.#core.relays.lookupEverywhere({ key }),
      isOnline: (peer) => this.#resolver.isOnline(peer),
    });
    this.#inbox = new InboxView({
      clock: deps.clock,
      inbox: this.#core.inbox,
      messages: this.#core.messages,
      peerNamed: (target) => this.#peerNamed(target),
      isClaimed: (entry) => this.#core.claim?.isClaimed(entry) ?? false,
    });
  }

  get events(): Emitter<EventMap> {
    return this.#core.events;
  }

  /** Where messages arrive that came by a stream. */
  get arrivals(): Pick<NodeCore, 'inbox' | 'messages' | 'outbox' | 'store'> {
    return this.#core;
  }

  /** Before it starts. */
  claimMail(claim: MailClaim): void {
    this.#core.claim = claim;
  }

  get onRoundTrip(): (rttMs: number) => void {
    return this.#core.onRoundTrip;
  }

  set onRoundTrip(listener: (rttMs: number) => void) {
    this.#core.onRoundTrip = listener;
  }

  /** Called again it does nothing. */
  start(): void {
    this.#core.start();
  }

  /** Peers hear of it while there are relays; everything asked for is on its way to the store then. */
  async stop(): Promise<void> {
    await this.#core.stop();
  }

  /** The identity has a new key. */
  keyRotated(): void {
    this.#core.keyRotated();
  }

  names(): NodeNames {
    return this.#core.publisher.names();
  }

  relays(): readonly RelayView[] {
    return this.#core.relays.views();
  }

  peers(): readonly PeerView[] {
    return this.#core.store.inState('trusted').map(({ peer }) => this.#core.peerView(peer));
  }

  warnings(): readonly string[] {
    const { publisher, relays } = this.#core;
    const duplicates = relays
      .duplicates()
      .map((url) => `another process is logged in at ${url} with this identity`);
    return [...publisher.warnings(), ...duplicates];
  }

  counters(): NodeCounters {
    const { drops, inbox, messages, outbox, paths, peers, relays, store } = this.#core;
    const open = [...peers.all()].filter(({ state }) => state === 'connected');
    const { traffic } = relays;
    const allDrops = peers.sessionDrops();
    for (const [reason, count] of drops) {
      allDrops.set(reason, (allDrops.get(reason) ?? 0) + count);
    }
    return {
      ...traffic,
      packetsOverRelay: traffic.packetsSent + traffic.packetsReceived,
      messagesByStatus: { ...messages.statusCounts },
      outboxMessages: outbox.size,
      outboxBytes: outbox.bytes,
      inboxMessages: inbox.size,
      inboxBytes: inbox.bytes,
      inboxUnread: inbox.unread,
      pendingTrust: store.inState('pending').length,
      sessionsOpen: open.length,
      sessionsDirect: open.filter(({ path }) => path?.kind !== 'relay').length,
      pathChanges: paths.counters.changes,
      pathAttempts: paths.counters.attempts,
      pathLosses: paths.counters.losses,
      pathAlarms: peers.pathAlarms(),
      streams: this.ports.streams.counters.totals,
      drops: allDrops,
    };
  }

  async setHostname(hostname: string): Promise<HostnameReply> {
    if (hostname !== '' && !isHostname(hostname)) {
      throw new PilotError('invalid_argument', `${JSON.stringify(hostname)} is not a hostname`, {
        hint: 'Use 1 to 63 lowercase letters, digits and inner hyphens.',
      });
    }
    const { published } = await onDisk(this.#core.publisher.setHostname(hostname));
    return { hostname, node_id: this.names().node_id, published };
  }

  async setTags(tags: readonly string[]): Promise<TagsReply> {
    checkTags(tags);
    const { published } = await onDisk(this.#core.publisher.setTags(tags));
    return { node_id: this.names().node_id, tags: this.#core.publisher.tags, published };
  }

  async findTagged(tag: string, signal?: AbortSignal): Promise<readonly TaggedNode[]> {
    return this.#tags.find(tag, signal);
  }

  async resolve(target: string, signal?: AbortSignal): Promise<ResolveReply> {
    return this.#resolver.resolve(target, signal);
  }

  async ping(request: PingRequest, signal?: AbortSignal): Promise<PingReply> {
    const record = await this.#trusted(request.target);
    return this.#paths.ping(record, request, signal);
  }

  async traceroute(request: TracerouteRequest, signal?: AbortSignal): Promise<TracerouteReply> {
    return this.#paths.traceroute(await this.#trusted(request.target), request, signal);
  }

  async preferDirect(request: TargetRequest, signal?: AbortSignal): Promise<PreferDirectReply> {
    return this.#paths.preferDirect(await this.#trusted(request.target), signal);
  }

  async requestTrust(request: TrustRequest, signal?: AbortSignal): Promise<TrustRequestReply> {
    return this.#trust.request(request, signal);
  }

  async approveTrust({ target }: TargetRequest): Promise<TrustChangeReply> {
    return this.#trust.approve(target);
  }

  async rejectTrust(request: TrustRejectRequest): Promise<TrustChangeReply> {
    return this.#trust.reject(request);
  }

  async revokeTrust({ target }: TargetRequest): Promise<TrustChangeReply> {
    return this.#trust.revoke(target);
  }

  pendingTrust(): readonly PendingTrust[] {
    return this.#core.store.inState('pending').map(pendingView);
  }

  trusted(): readonly TrustedNode[] {
    const { store } = this.#core;
    return [...store.inState('trusted'), ...store.inState('asked')].map(trustedView);
  }

  async send(request: SendMessageRequest, signal?: AbortSignal): Promise<SendMessageReply> {
    const { peer } = await this.#trusted(request.target);
    this.#needAnyPath();
    return this.#core.messages.send(peer, request, signal);
  }

  messageStatus(id: string): OutgoingMessage {
    const entry = this.#core.outbox.find(id.toLowerCase());
    if (entry !== undefined) return this.#core.messages.view(entry);
    throw new PilotError('not_found', `no message ${id}`, {
      hint: 'The last 1,000 finished ones are remembered; see: pilotctl outbox list',
    });
  }

  outbox(): OutboxList {
    const entries = this.#core.outbox.list();
    const messages = entries.map((entry) => this.#core.messages.view(entry));
    return { messages, total: messages.length };
  }

  async retryOutbox(id: string): Promise<OutgoingMessage> {
    const dead = this.#core.outbox.find(id.toLowerCase());
    if (dead?.state === 'dead' && this.#core.store.stateOf(dead.peer) !== 'trusted') {
      throw notTrusted(this.#core.namesOf(dead.peer).id, this.#core.store.get(dead.peer));
    }
    const entry = await this.#core.outbox.retry(id.toLowerCase());
    this.#core.peers.wake(entry.peer);
    return this.#core.messages.view(entry);
  }

  async dropOutbox(id: string): Promise<OutgoingMessage> {
    const entry = await this.#core.outbox.drop(id.toLowerCase());
    this.#core.peers.wake(entry.peer);
    return this.#core.messages.view(entry);
  }

  inbox(query: InboxQuery): InboxList {
    return this.#inbox.list(query);
  }

  async readInbox(id: string, query: InboxReadQuery = {}): Promise<IncomingMessage> {
    return Promise.resolve(this.#inbox.read(id, query));
  }

  async markInboxRead(id: string): Promise<IncomingMessage> {
    return Promise.resolve(this.#inbox.markRead(id));
  }

  async clearInbox(query: { before?: string }): Promise<InboxCleared> {
    return this.#inbox.clear(query.before);
  }

  /** A trusted node by any of its names; PilotError says why it is none. */
  async #trusted(target: string): Promise<TrustRecord> {
    const { targets } = this.#core;
    const by = targets.parse(target);
    if (targets.isSelf(by)) {
      throw new PilotError('invalid_argument', `${target} is this node itself`, {
        hint: 'Name another node; see: pilotctl trust',
      });
    }
    const known = targets.known(by);
    if (known?.state === 'trusted') return known;
    // Not trusted and not there are different things to mend.
    if (known === undefined) await targets.lookUp(by, target);
    throw notTrusted(target, known);
  }

  /** The sender that a caller names: any key, or a name that this node knows. */
  #peerNamed(target: string): string {
    const by = this.#core.targets.parse(target);
    if ('key' in by) return toHex(by.key);
    const known = this.#core.targets.known(by);
    if (known !== undefined) return known.peer;
    throw new PilotError('not_found', `this node does not know ${target}`, {
      hint: 'Name the sender by its Node ID, or see: pilotctl trust',
    });
  }

  /** A message that could never leave would only wait for its expiry. */
  #needAnyPath(): void {
    if (this.#deps.settings.paths.mayRelay || this.#deps.network !== undefined) return;
    throw noPathAllowed('this node looks for no direct path, and the relay may carry no messages');
  }
}

function notTrusted(target: string, known: TrustRecord | undefined): PilotError {
  switch (known?.state) {
    case 'asked':
      return new PilotError('trust_required', `${target} has not answered the request for trust`, {
        hint: 'Its owner has to approve it: pilotctl approve, on the other host.',
      });
    case 'pending':
      return new PilotError('trust_required', `${target} asked for trust and waits for an answer`, {
        hint: `Give it: pilotctl approve ${target}`,
      });
    case 'none':
    case 'trusted':
    case undefined:
      return new PilotError('trust_required', `${target} is not trusted`, {
        hint: `Ask for trust first: pilotctl handshake ${target}`,
      });
  }
}
