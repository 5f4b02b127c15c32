/**
 * The relays this node is logged in at, as one: who is there, which way to whom, who knows a name.
 *
 *     connecting / waiting ──login──> online ──300 ms──> settled: presence is known
 *              ^                         │                  │
 *              └───────── lost ──────────┴──────────────────┘
 */
import { toHex } from '../../base/bytes.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import { Emitter } from '../../base/events.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { RelayView } from '../../client/api.ts';
import { encodeNodeId } from '../../identity/node-id.ts';
import { MIN_LINK_PACKET_BYTES } from '../../session/packet.ts';
import type { Route } from '../paths/route.ts';
import type { RelayPort } from './relay-port.ts';

export type LookupKey = Parameters<RelayPort['lookup']>[0];

export interface RelaySetEvents {
  /** A peer (hexadecimal key) may be reached in another way now, or not any more. */
  readonly presence: string;
  /** The relays to choose from have changed. */
  readonly relays: undefined;
  readonly online: RelayPort;
  readonly changed: RelayView;
  readonly packet: { readonly from: string; readonly packet: Uint8Array };
  readonly envelope: {
    readonly relay: RelayPort;
    readonly from: Uint8Array;
    readonly id: Uint8Array;
    readonly body: Uint8Array;
  };
  readonly duplicate: { readonly relay: string; readonly since: string };
}

/** Answers to `watch` come with the first packets after a login; a slow line's round trip. */
const SETTLE_MS = 300;
/** A relay's two answers contradict each other: the later one holds for so long. */
const UNREACHABLE_MS = 30_000;

interface Member {
  readonly relay: RelayPort;
  isSettled: boolean;
  sinceMs: number;
  reason: string;
  /** Another node with our identity was seen there; until the next login. */
  duplicateSinceMs: number | undefined;
  cancelSettle: Cancel;
  /** Peers to whom it could not forward a packet though it had called them present, and the timers that end that. */
  readonly unreachable: Map<string, Cancel>;
}

export interface RelayTraffic {
  packetsSent: number;
  packetsReceived: number;
  bytesSent: number;
  bytesReceived: number;
}

export class RelaySet {
  readonly events = new Emitter<RelaySetEvents>();
  readonly traffic: RelayTraffic = {
    packetsSent: 0,
    packetsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };
  readonly #clock: Clock;
  readonly #members: readonly Member[];
  readonly #routes = new Map<string, Route>();
  #subscriptions: (() => void)[] = [];

  constructor(relays: readonly RelayPort[], clock: Clock) {
    this.#clock = clock;
    this.#members = relays.map((relay) => ({
      relay,
      isSettled: false,
      sinceMs: clock.now(),
      reason: 'not connected yet',
      duplicateSinceMs: undefined,
      cancelSettle: () => undefined,
      unreachable: new Map(),
    }));
  }

  /** In the order of the configuration, the preferred one first. */
  get online(): readonly RelayPort[] {
    return this.#members.filter((m) => m.relay.state === 'online').map((m) => m.relay);
  }

  /** Online, and it has told who else is. */
  get settled(): readonly RelayPort[] {
    return this.#members
      .filter((m) => m.relay.state === 'online' && m.isSettled)
      .map((m) => m.relay);
  }

  start(): void {
    if (this.#subscriptions.length > 0) return;
    for (const member of this.#members) this.#subscribe(member);
    for (const { relay } of this.#members) relay.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(async ({ relay }) => relay.stop()));
    for (const { cancelSettle } of this.#members) cancelSettle();
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#subscriptions = [];
  }

  views(): RelayView[] {
    return this.#members.map((member) => this.#viewOf(member));
  }

  /** Where another node with this identity was seen. */
  duplicates(): string[] {
    return this.#members.filter((m) => m.duplicateSinceMs !== undefined).map((m) => m.relay.url);
  }

  watch(add: readonly Uint8Array[], remove: readonly Uint8Array[] = []): void {
    for (const { relay } of this.#members) relay.watch(add, remove);
  }

  /** The best way to a peer that is there; the same object as long as it is the same way. */
  routeTo(key: string, peer: Uint8Array): Route | undefined {
    const relays = this.#members
      .filter((m) => m.relay.state === 'online' && m.relay.isPresent(peer))
      .filter((m) => !m.unreachable.has(key))
      .map((m) => m.relay);
    const known = this.#routes.get(key);
    // Stay where it works: a change costs a round trip, and round trips vary.
    if (known !== undefined && relays.some(({ url }) => url === known.url)) return known;
    const best = relays.reduce<RelayPort | undefined>(nearer, undefined);
    if (best === undefined) {
      this.#routes.delete(key);
      return undefined;
    }
    const route = { url: best.url, link: this.#linkTo(best, peer) };
    this.#routes.set(key, route);
    return route;
  }

  /** The first record that any relay has. PilotError `connection_failed` when none could be asked. */
  async lookup(by: LookupKey): Promise<Uint8Array | undefined> {
    const relays = this.online;
    if (relays.length === 0) throw this.#noRelay();
    const answers = relays.map(async (relay) => {
      const record = await relay.lookup(by);
      if (record === undefined) throw new NotKnown();
      return record;
    });
    try {
      return await Promise.any(answers);
    } catch (error) {
      const errors = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
      if (errors.some((one) => one instanceof NotKnown)) return undefined;
      throw new PilotError('connection_failed', 'no relay answered the lookup', {
        hint: 'Try again, or see: pilotctl info',
        cause: errors[0],
      });
    }
  }

  /** What each relay that answers has. */
  async lookupEverywhere(by: LookupKey): Promise<readonly Uint8Array[]> {
    const answers = await Promise.allSettled(this.online.map(async (relay) => relay.lookup(by)));
    const found = answers.map((answer) =>
      answer.status === 'fulfilled' ? answer.value : undefined,
    );
    return found.filter((record) => record !== undefined);
  }

  #noRelay(): PilotError {
    const reasons = this.#members.map(({ relay, reason }) => `${relay.url}: ${reason}`);
    const why = reasons.length === 0 ? 'none is configured' : reasons.join('; ');
    return new PilotError('connection_failed', `no relay is online (${why})`, {
      hint:
        reasons.length === 0
          ? 'Name one: pilotctl init --relay wss://…, then start the daemon again.'
          : 'Check the address and the network; the daemon keeps trying.',
    });
  }

  #linkTo(relay: RelayPort, peer: Uint8Array): Route['link'] {
    return {
      kind: 'relay',
      maxPacketBytes: MIN_LINK_PACKET_BYTES,
      send: (packet) => {
        if (!relay.send(peer, packet)) return;
        this.traffic.packetsSent += 1;
        this.traffic.bytesSent += packet.length;
      },
    };
  }

  #subscribe(member: Member): void {
    const { relay } = member;
    const { events } = this;
    this.#subscriptions.push(
      relay.on('online', () => {
        this.#onOnline(member);
      }),
      relay.on('offline', ({ reason }) => {
        this.#onOffline(member, reason);
      }),
      relay.on('presence', ({ key }) => {
        forgetUnreachable(member, toHex(key));
        events.emit('presence', toHex(key));
      }),
      relay.on('unreachable', ({ key }) => {
        this.#onUnreachable(member, key);
      }),
      relay.on('packet', ({ from, packet }) => {
        this.traffic.packetsReceived += 1;
        this.traffic.bytesReceived += packet.length;
        events.emit('packet', { from: toHex(from), packet });
      }),
      relay.on('envelope', ({ from, id, body }) => {
        events.emit('envelope', { relay, from, id, body });
      }),
      relay.on('duplicate', () => {
        member.duplicateSinceMs ??= this.#clock.now();
        const since = new Date(member.duplicateSinceMs).toISOString();
        events.emit('duplicate', { relay: relay.url, since });
      }),
    );
  }

  #onOnline(member: Member): void {
    member.sinceMs = this.#clock.now();
    member.reason = '';
    member.duplicateSinceMs = undefined;
    member.cancelSettle();
    member.cancelSettle = this.#clock.after(SETTLE_MS, () => {
      member.isSettled = true;
      this.events.emit('relays', undefined);
    });
    this.events.emit('changed', this.#viewOf(member));
    this.events.emit('online', member.relay);
  }

  #onUnreachable(member: Member, peer: Uint8Array): void {
    const key = toHex(peer);
    // Only for whom it could matter, so that a relay cannot fill the set.
    if (!member.relay.isPresent(peer) || member.unreachable.has(key)) return;
    const cancel = this.#clock.after(UNREACHABLE_MS, () => {
      member.unreachable.delete(key);
      this.events.emit('presence', key);
    });
    member.unreachable.set(key, cancel);
    this.events.emit('presence', key);
  }

  #onOffline(member: Member, reason: string): void {
    if (member.reason === '') member.sinceMs = this.#clock.now();
    member.cancelSettle();
    member.isSettled = false;
    for (const key of member.unreachable.keys()) forgetUnreachable(member, key);
    member.reason = reason;
    this.events.emit('changed', this.#viewOf(member));
    this.events.emit('relays', undefined);
  }

  #viewOf({ relay, sinceMs, reason }: Member): RelayView {
    return {
      url: relay.url,
      state: relay.state,
      relay_id: relay.relayKey === undefined ? '' : encodeNodeId(relay.relayKey),
      rtt_ms: relay.rttMs ?? null,
      since: new Date(sinceMs).toISOString(),
      reason: relay.state === 'online' ? '' : reason,
    };
  }
}

function forgetUnreachable({ unreachable }: Member, key: string): void {
  unreachable.get(key)?.();
  unreachable.delete(key);
}

/** The relay answered that it does not know. */
class NotKnown extends Error {}

function nearer(best: RelayPort | undefined, relay: RelayPort): RelayPort {
  if (best === undefined) return relay;
  return (relay.rttMs ?? Infinity) < (best.rttMs ?? Infinity) ? relay : best;
}
