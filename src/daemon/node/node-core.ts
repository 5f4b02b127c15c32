/**
 * The parts of a node and what each of them is told by the others; `PilotNode` is what callers see.
 *
 *     callers ──> messages ──> outbox ──> peers ──> sessions, mailboxes ──> relays
 *                    ^            ^         │
 *                    └── inbox <──┴─────────┴── receipts, messages, statements about trust
 */
import { toHex } from '../../base/bytes.ts';
import { type Cancel, type Clock, every } from '../../base/clock.ts';
import { Emitter } from '../../base/events.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { EventMap, NodeNames, PeerView } from '../../client/api.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeNodeRecord } from '../../identity/node-record.ts';
import type { Log } from '../log/log.ts';
import { Inbox } from '../messages/inbox.ts';
import type { MailClaim } from '../messages/mail-claim.ts';
import { Messages } from '../messages/messages.ts';
import { Outbox } from '../messages/outbox.ts';
import type { OutboxEntry } from '../messages/outbox-entry.ts';
import { namesOf, namesOfKey } from '../names/node-names.ts';
import type { PathNetwork } from '../paths/path-network.ts';
import type { PeerPorts } from '../peers/peer-deps.ts';
import { Peers } from '../peers/peers.ts';
import { Postman } from '../relays/postman.ts';
import { Publisher } from '../relays/publisher.ts';
import type { RelayPort } from '../relays/relay-port.ts';
import { RelaySet } from '../relays/relay-set.ts';
import type { Storage } from '../store/storage.ts';
import { KeyNews } from '../trust/key-news.ts';
import { Trust } from '../trust/trust.ts';
import { TrustCourier } from '../trust/trust-courier.ts';
import type { TrustRecord, TrustState } from '../trust/trust-record.ts';
import { TrustStore } from '../trust/trust-store.ts';
import type { NodeSettings } from './node-settings.ts';
import { peerView, pendingView } from './node-views.ts';
import { PathNews } from './path-news.ts';
import { Targets } from './target.ts';

export interface NodeCoreDeps {
  readonly identity: Identity;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly settings: NodeSettings;
  /** Not started yet; the preferred one first. */
  readonly relays: readonly RelayPort[];
  /** Where direct paths are looked for; undefined: nowhere. Its owner starts and stops it. */
  readonly network?: PathNetwork | undefined;
}

const EXPIRE_MS = 1000;
const SWEEP_MS = 10_000;

export class NodeCore {
  readonly events = new Emitter<EventMap>();
  readonly drops = new Map<string, number>();
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly store: TrustStore;
  readonly trust: Trust;
  readonly relays: RelaySet;
  readonly publisher: Publisher;
  readonly peers: Peers;
  readonly paths: PathNews;
  readonly messages: Messages;
  readonly targets: Targets;
  onRoundTrip: (rttMs: number) => void = () => undefined;
  claim: MailClaim | undefined;
  readonly #deps: NodeCoreDeps;
  readonly #courier: TrustCourier;
  readonly #keyNews: KeyNews;
  readonly #names = new WeakMap<TrustRecord, NodeNames>();
  #cancels: Cancel[] = [];
  #isRunning = false;

  constructor(deps: NodeCoreDeps, ports: PeerPorts) {
    const { clock, identity, log, random, settings, storage } = deps;
    this.#deps = deps;
    const postman = new Postman({ identity, clock, random });
    const dropped = (reason: string): void => {
      this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
    };
    const trace = ({ id, correlationId, peer }: TraceFields): object => ({
      message_id: id,
      correlation_id: correlationId,
      peer: this.namesOf(peer).id,
    });
    this.store = new TrustStore(storage);
    this.relays = new RelaySet(deps.relays, clock);
    this.publisher = new Publisher({
      ...{ identity, storage, clock, log, hostname: settings.hostname },
      relayUrls: deps.relays.map(({ url }) => url),
      online: () => this.relays.online,
    });
    this.outbox = new Outbox({
      ...{ storage, clock, limits: settings.outbox },
      whyExpired: (peer) => this.peers.whyExpired(peer),
      changed: (entry) => {
        this.messages.changed(entry);
      },
    });
    this.inbox = new Inbox({
      ...{ storage, clock, limits: settings.inbox },
      received: (entry, payload) => {
        if (this.claim?.isClaimed(entry) === true) this.claim.received(entry);
        else this.messages.received(entry, payload);
      },
    });
    this.messages = new Messages({
      ...{ clock, random, log, outbox: this.outbox, inbox: this.inbox, trace },
      limits: settings.send,
      events: this.events,
      namesOf: (peer) => this.namesOf(peer),
      waitsFor: (peer) => this.#waitsFor(peer),
      wake: (peer) => {
        this.peers.wake(peer);
      },
    });
    this.trust = new Trust({
      ...{ store: this.store, clock, log, settings: settings.trust, dropped },
      ownRecord: () => this.publisher.record(),
      changed: (record, before, reason) => {
        this.#trustChanged(record, before, reason);
      },
      owed: ({ peer }) => {
        this.#courier.deliver(peer);
      },
    });
    this.#courier = new TrustCourier({
      ...{ clock, random, log, postman, trust: this.trust, store: this.store },
      online: () => this.relays.online,
    });
    this.#keyNews = new KeyNews({ identity, storage, clock, log, trust: this.trust });
    this.paths = new PathNews({
      ...{ log, events: this.events, namesOf: (peer) => this.namesOf(peer) },
      peer: (key) => this.peers.get(key),
    });
    this.peers = new Peers({
      ...{ identity, clock, random, log, trace, dropped, postman, ports },
      ...{ outbox: this.outbox, relays: this.relays, store: this.store, trust: this.trust },
      retry: settings.retry,
      handshakeTimeoutMs: settings.handshakeTimeoutMs,
      paths: settings.paths,
      incoming: {
        ...{ clock, inbox: this.inbox, maxPayloadBytes: settings.send.maxPayloadBytes },
        isAwaited: (sender, item) => this.messages.isAwaited(sender, item),
        refused: (sender, item, code) => {
          dropped(code);
          log.warn({ ...trace({ ...item, peer: sender }), code }, 'message refused');
        },
      },
      changed: (peer) => {
        this.#peerChanged(peer);
      },
      network: deps.network,
      pathChanged: (peer, path, before) => {
        this.paths.changed(peer, path, before);
        this.#peerChanged(peer);
      },
      pathFailed: (peer, failure) => {
        this.paths.failed(peer, failure);
      },
      pathAlarm: (peer, alarm) => {
        this.paths.alarm(peer, alarm);
        this.#peerChanged(peer);
      },
      roundTrip: (rttMs) => {
        this.onRoundTrip(rttMs);
      },
    });
    this.targets = new Targets({
      own: () => this.publisher.names(),
      store: this.store,
      lookup: async (by) => this.relays.lookup(by),
    });
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { clock } = this.#deps;
    this.#subscribe();
    this.peers.start();
    this.#courier.start();
    this.#keyNews.start();
    this.#cancels.push(
      every(clock, EXPIRE_MS, () => {
        if (this.outbox.expire()) this.#wakeAll();
      }),
      every(clock, SWEEP_MS, () => {
        this.inbox.sweep();
      }),
    );
    this.relays.start();
  }

  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
    this.#courier.stop();
    this.#keyNews.stop();
    this.messages.failWaiters(
      new PilotError('not_running', 'the daemon stops; the message stays in the outbox', {
        hint: 'Start it again: pilotctl daemon start',
      }),
    );
    // While the relays are there, so that the peers hear of it.
    this.peers.stop();
    await this.relays.stop();
  }

  /** Sessions go on: their keys do not depend on it. */
  keyRotated(): void {
    void this.publisher.renew();
    this.#keyNews.tell();
    this.#wakeAll();
  }

  namesOf(peer: string): NodeNames {
    const record = this.store.get(peer);
    if (record === undefined) return namesOfKey(peer);
    const known = this.#names.get(record) ?? namesOf(record);
    this.#names.set(record, known);
    return known;
  }

  peerView(peer: string): PeerView {
    const queued = this.outbox.queueOf(peer)?.size ?? 0;
    return peerView(this.namesOf(peer), this.peers.get(peer), queued);
  }

  #subscribe(): void {
    const { relays, peers, publisher } = this;
    const { events } = relays;
    this.#cancels.push(
      events.on('presence', (peer) => {
        peers.routesChanged(peer);
      }),
      events.on('relays', () => {
        peers.routesChanged();
      }),
      events.on('online', (relay) => {
        void publisher.publish(relay);
        this.#courier.deliverAll();
      }),
      events.on('changed', (view) => {
        this.events.emit('relay.changed', view);
      }),
      events.on('packet', (event) => {
        peers.onPacket(event);
      }),
      events.on('envelope', (event) => {
        void peers.onEnvelope(event);
      }),
      events.on('duplicate', (event) => {
        this.#deps.log.warn(event, 'another process is logged in with this identity');
        this.events.emit('identity.duplicate', event);
      }),
    );
  }

  #wakeAll(): void {
    for (const peer of this.outbox.peersWithMessages()) this.peers.wake(peer);
  }

  #trustChanged(record: TrustRecord, before: TrustState, reason: string): void {
    const { peer, state } = record;
    this.peers.trustChanged(record);
    if (state === before) return;
    this.#deps.log.info({ peer: this.namesOf(peer).id, state, before, reason }, 'trust changed');
    if (before === 'trusted') {
      this.outbox.killAll(peer, 'untrusted');
      this.messages.failWaiters(
        new PilotError('trust_required', 'trust in the other node ended', {
          hint: 'Ask it again: pilotctl handshake',
        }),
        peer,
      );
    }
    if (state === 'pending') this.events.emit('trust.requested', pendingView(record));
    if (state === 'pending') void this.#checkHostname(record);
    if (state === 'trusted' || before === 'trusted' || before === 'asked') {
      const trusted = state === 'trusted';
      this.events.emit('trust.changed', { ...this.namesOf(peer), trusted, reason });
    }
  }

  /** A node may claim any name; who decides on its request should not read another node's. */
  async #checkHostname({ peer, hostname }: TrustRecord): Promise<void> {
    if (hostname === '') return;
    try {
      const found = await this.relays.lookup({ hostname });
      if (found === undefined || toHex(decodeNodeRecord(found).chain.firstKey) === peer) return;
      this.#deps.log.warn(
        { peer: this.namesOf(peer).id, hostname },
        'a node claimed the hostname of another one',
      );
      await this.trust.denyHostname(peer);
    } catch (error) {
      this.#deps.log.debug({ err: error, hostname }, 'could not check a hostname');
    }
  }

  #peerChanged(peer: string): void {
    this.events.emit('peer.changed', this.peerView(peer));
  }

  #waitsFor(peer: string): string {
    if (this.relays.online.length === 0) return 'no relay is online';
    const known = this.peers.get(peer);
    return known?.state === 'offline' ? 'the other node is offline' : (known?.whyHeld ?? '');
  }
}

type TraceFields = Pick<OutboxEntry, 'id' | 'correlationId' | 'peer'>;
