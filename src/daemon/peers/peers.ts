/**
 * The peers of a node: one `Peer` for each node it trusts or has asked. Whatever relays bring comes in
 * here, and is taken off a relay only when what follows from it is on disk and answered.
 */
import { fromHex, toHex } from '../../base/bytes.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import { WireError } from '../../base/wire-error.ts';
import type { PathAlarmKind } from '../../client/api.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import { decodeNodeRecord } from '../../identity/node-record.ts';
import { CookieIssuer } from '../../session/cookie.ts';
import { openEnvelope } from '../../session/envelope.ts';
import { Answers } from '../messages/answers.ts';
import { decodeAppMessage, type MessageItem } from '../messages/app-message.ts';
import { EXPIRED } from '../messages/outbox-entry.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { Route } from '../paths/route.ts';
import { type Postman, relaysFor } from '../relays/postman.ts';
import type { RelayPort } from '../relays/relay-port.ts';
import type { RelaySet, RelaySetEvents } from '../relays/relay-set.ts';
import type { Trust } from '../trust/trust.ts';
import type { TrustRecord, TrustState } from '../trust/trust-record.ts';
import type { TrustStore } from '../trust/trust-store.ts';
import { EnvelopeAnswers } from './envelope-answers.ts';
import { Peer } from './peer.ts';
import type { Mailbox, PeerDeps } from './peer-deps.ts';
import { Strangers } from './strangers.ts';
import { UnkeptEnvelopes } from './unkept-envelopes.ts';

type FromNode =
  | 'identity'
  | 'clock'
  | 'random'
  | 'log'
  | 'outbox'
  | 'incoming'
  | 'retry'
  | 'handshakeTimeoutMs'
  | 'ports'
  | 'trace'
  | 'changed'
  | 'network'
  | 'pathChanged'
  | 'pathFailed'
  | 'pathAlarm'
  | 'paths'
  | 'roundTrip'
  | 'dropped';

export interface PeersDeps extends Pick<PeerDeps, FromNode> {
  readonly trust: Trust;
  readonly store: TrustStore;
  readonly relays: RelaySet;
  readonly postman: Postman;
}

/** More initiations than this are answered with cookies (about 0.3 ms of curve arithmetic each). */
const HANDSHAKES = { perSecond: 50, burst: 100 };

export class Peers {
  readonly #deps: PeersDeps;
  readonly #peerDeps: PeerDeps;
  readonly #peers = new Map<string, Peer>();
  readonly #strangers: Strangers;
  readonly #envelopeAnswers: EnvelopeAnswers;
  readonly #unkept: UnkeptEnvelopes;
  readonly #formerDrops = new Map<string, number>();
  /** When relays were last asked where a peer is to be found (monotonic). */
  readonly #askedAboutMs = new Map<string, number>();
  #isRunning = false;

  constructor(deps: PeersDeps) {
    this.#deps = deps;
    this.#strangers = new Strangers(deps.clock, deps.postman);
    const { clock, log, postman, random, store, trust } = deps;
    this.#unkept = new UnkeptEnvelopes(clock, (envelope) => void this.onEnvelope(envelope));
    this.#envelopeAnswers = new EnvelopeAnswers({
      ...{ clock, log, postman, store },
      acceptanceFor: (peer) => trust.acceptanceFor(peer),
      notLeft: (peer, answers) => this.#peers.get(peer)?.owes(answers),
    });
    const handshakes = new TokenBucket(HANDSHAKES, clock.monotonic());
    this.#peerDeps = {
      ...deps,
      cookies: new CookieIssuer(clock, random),
      isUnderLoad: () => !handshakes.take(clock.monotonic()),
      isTrusted: (peer) => store.stateOf(peer) === 'trusted',
      hear: async (chain, item) => this.#hear(chain, item),
      acceptanceFor: (peer) => trust.acceptanceFor(peer),
      confirmed: (peer) => {
        trust.confirm(peer);
      },
      chainOf: (peer) => store.get(peer)?.chain,
      acceptsChain: (chain) => trust.accepts(chain),
      routeTo: (peer) => this.#routeTo(peer),
      mailboxFor: (peer) => this.#mailboxFor(peer),
    };
  }

  get(peer: string): Peer | undefined {
    return this.#peers.get(peer);
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** What sessions have dropped, by reason, since the node started. */
  sessionDrops(): Map<string, number> {
    const totals = new Map(this.#formerDrops);
    for (const { session } of this.#peers.values()) addAll(totals, session.counters.drops);
    return totals;
  }

  /** The reason of a message to it that it has not got in time. */
  whyExpired(peer: string): string {
    const why = this.#peers.get(peer)?.whyHeld ?? '';
    return why === '' ? EXPIRED : `${EXPIRED}: ${why}`;
  }

  /** For how many of them each alarm stands. */
  pathAlarms(): Record<PathAlarmKind, number> {
    const counts = { no_direct_path: 0, slow_path: 0 };
    for (const { paths } of this.#peers.values()) {
      for (const { kind } of paths.alarms) counts[kind] += 1;
    }
    return counts;
  }

  start(): void {
    this.#isRunning = true;
    for (const record of this.#deps.store.all()) this.trustChanged(record);
  }

  stop(): void {
    this.#isRunning = false;
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
    this.#unkept.stop();
  }

  /** There is something for this peer. */
  wake(peer: string): void {
    this.#peers.get(peer)?.wake();
  }

  /** A peer, or all of them, may be reached in another way now. */
  routesChanged(peer?: string): void {
    if (peer !== undefined) this.#peers.get(peer)?.routeChanged();
    else for (const one of [...this.#peers.values()]) one.routeChanged();
  }

  /** Makes the peer's state here that of the trust record. */
  trustChanged({ peer, chain, state }: TrustRecord): void {
    const known = this.#peers.get(peer);
    if (hasPeer(state) && known === undefined) {
      const made = new Peer(peer, chain, this.#peerDeps);
      this.#peers.set(peer, made);
      this.#deps.relays.watch([chain.firstKey]);
      made.routeChanged();
    } else if (hasPeer(state)) {
      known?.wake();
    } else if (known !== undefined) {
      this.#deps.relays.watch([], [chain.firstKey]);
      this.#peers.delete(peer);
      this.#askedAboutMs.delete(peer);
      known.close();
      addAll(this.#formerDrops, known.session.counters.drops);
    }
  }

  onPacket({ from, packet }: RelaySetEvents['packet']): void {
    const peer = this.#peers.get(from);
    if (peer === undefined) this.#deps.dropped('untrusted');
    else peer.session.receive(packet, peer.paths.linkOver('relay'));
  }

  async onEnvelope(envelope: RelaySetEvents['envelope']): Promise<void> {
    const { relay, from, id, body } = envelope;
    try {
      await this.#receiveEnvelope(relay, from, body);
    } catch (error) {
      // The relay keeps it, and brings it again at the next login.
      this.#deps.dropped('not_written');
      this.#deps.log.error({ err: error, relay: relay.url }, 'an envelope could not be kept');
      if (this.#isRunning) this.#unkept.add(envelope);
      return;
    }
    relay.taken(from, id);
  }

  async #receiveEnvelope(relay: RelayPort, from: Uint8Array, body: Uint8Array): Promise<void> {
    const { dropped, identity, trust } = this.#deps;
    if (!this.#peers.has(toHex(from)) && !this.#strangers.mayBeOpened()) {
      dropped('rate_limited');
      return;
    }
    try {
      const { sender, items } = openEnvelope(identity, body);
      // The relay says who it is from; the envelope proves it.
      if (!trust.accepts(sender)) return;
      const peer = this.#peers.get(toHex(sender.firstKey));
      if (peer !== undefined) {
        const answers = new Answers();
        await peer.receive(sender, items, answers);
        await this.#envelopeAnswers.leave(relay, peer.key, answers);
        // It may have brought a new key, which what lies in the peer's mailbox is not sealed to.
        peer.wake();
      } else await this.#receiveFromStranger(relay, sender, items);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      dropped('malformed_envelope');
      this.#deps.log.debug({ err: error, relay: relay.url }, 'a malformed envelope was dropped');
    }
  }

  async #receiveFromStranger(
    relay: RelayPort,
    sender: KeyChain,
    items: readonly Uint8Array[],
  ): Promise<void> {
    const messages: MessageItem[] = [];
    for (const body of items) {
      const item = decodeAppMessage(body);
      switch (item?.kind) {
        case 'request':
        case 'accept':
        case 'reject':
        case 'revoke':
          await this.#deps.trust.hear(sender, item);
          break;
        case 'message':
          this.#deps.dropped('untrusted');
          messages.push(item);
          break;
        case 'delivered':
        case 'refused':
        case 'path':
        case undefined:
          this.#deps.dropped('untrusted');
      }
    }
    await this.#refuseStranger(relay, sender, messages);
  }

  async #refuseStranger(
    relay: RelayPort,
    sender: KeyChain,
    messages: readonly MessageItem[],
  ): Promise<void> {
    if (messages.length === 0) return;
    await this.#strangers.refuse(relay, sender, messages).catch((error: unknown) => {
      this.#deps.log.debug({ err: error }, 'a stranger was not told that it needs trust');
    });
  }

  /** A peer's statement. WireError of what it holds is the peer's fault and ends here. */
  async #hear(...[chain, item]: Parameters<PeerDeps['hear']>): Promise<void> {
    try {
      await this.#deps.trust.hear(chain, item);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#deps.dropped('malformed_item');
    }
  }

  #routeTo(peer: string): Route | undefined {
    return this.#deps.relays.routeTo(peer, fromHex(peer));
  }

  /** A peer that is away may have moved to another relay: its envelopes have to follow it. */
  #askAbout({ peer, chain }: TrustRecord): void {
    const nowMs = this.#deps.clock.monotonic();
    if (nowMs < (this.#askedAboutMs.get(peer) ?? -Infinity) + ASK_ABOUT_MS) return;
    this.#askedAboutMs.set(peer, nowMs);
    void this.#learnAbout(peer, chain.firstKey);
  }

  async #learnAbout(peer: string, firstKey: Uint8Array): Promise<void> {
    const { log, relays, trust } = this.#deps;
    for (const bytes of await relays.lookupEverywhere({ key: firstKey })) {
      try {
        await trust.learn(decodeNodeRecord(bytes));
      } catch (error) {
        // Malformed, or refused by the disk; another relay may have a better one.
        log.debug(
          { err: error, peer: nodeIdOf(peer) },
          'could not learn where a peer is to be found',
        );
      }
    }
    this.wake(peer);
  }

  #mailboxFor(peer: string): Mailbox | undefined {
    const { identity, paths, postman, relays, store } = this.#deps;
    const record = store.get(peer);
    if (record === undefined) return undefined;
    this.#askAbout(record);
    // An envelope is a message over the relay, too.
    if (!paths.mayRelay) return undefined;
    const [relay] = relaysFor(record.relays, relays.settled);
    if (relay === undefined) return undefined;
    const { chain } = record;
    return {
      url: relay.url,
      place: `${relay.url} ${identity.chain.length} ${chain.length}`,
      put: async (items, expiresAtMs) => {
        await postman.put(relay, chain, items, expiresAtMs);
      },
    };
  }
}

const ASK_ABOUT_MS = 3_600_000;

function hasPeer(state: TrustState): boolean {
  return state === 'asked' || state === 'trusted';
}

function addAll(totals: Map<string, number>, drops: ReadonlyMap<string, number>): void {
  for (const [reason, count] of drops) totals.set(reason, (totals.get(reason) ?? 0) + count);
}
