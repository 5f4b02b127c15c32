/**
 * The addresses under which this node may be reached now, for all its peers:
 *
 *     interfaces ──┐
 *     STUN servers ┼──> a round of gathering ──> candidates ──> `candidate`, `gathered`, `changed`
 *     mapped port ─┘        ^
 *                           └── a change of interfaces, `refresh`, `freshen`, new servers, a timer
 *
 * A later round leaves the candidates alone and compares:
 *
 *     an address as before                  nothing is told
 *     another port of an address            `candidate`: the NAT had forgotten its mapping
 *     another address, or one is gone       `changed`: what peers were told before is void
 *
 * A socket for which no server answers keeps what servers said before: they are down, or we are offline, and
 * neither says that the address is another one. When they answer again, `changed`: paths may be possible again.
 *
 * Idle, a round every 5 minutes is all the traffic. Nobody needs the mappings meanwhile: paths keep their own
 * alive, and whoever begins to look for one asks for fresh ones with `freshen`.
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import { type Endpoint, formatEndpoint } from '../../base/endpoint.ts';
import type { Emitter } from '../../base/events.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { GathererSettings, LocalBase } from '../../ice/base-gatherer.ts';
import type { Candidate } from '../../ice/candidate.ts';
import { endpointKey } from '../../ice/endpoint-key.ts';
import { Gatherer } from '../../ice/gatherer.ts';
import { PunchBudget } from '../../ice/hard-nat-budget.ts';
import type { NatReport } from '../../ice/nat-behaviour.ts';
import type { StunRouter } from '../../ice/stun-router.ts';
import {
  type InterfaceAddress,
  type InterfaceSource,
  NetworkWatcher,
} from '../links/network-watcher.ts';
import type { PortMapping, PortMappingState } from '../links/port-mapping.ts';
import type { Log } from '../log/log.ts';
import { GuardedEmitter } from './guarded-emitter.ts';
import { KnownCandidates } from './known-candidates.ts';
import type { NetworkEvents, PathNetwork } from './path-network.ts';
import { MIN_ROUND_MS, RoundPace } from './round-pace.ts';
import { StunServers, type StunServersDeps } from './stun-servers.ts';
import type { Underlay } from './underlay.ts';

export interface LocalNetworkDeps extends StunServersDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly underlay: Underlay;
  /** To which the underlay gives what is not of its links. */
  readonly router: StunRouter;
  readonly interfaces: InterfaceSource;
  /** Asks the gateway for this port. None: no port is mapped. */
  readonly mapPort?: (
    port: number,
    changed: (state: PortMappingState) => void,
  ) => Pick<PortMapping, 'start' | 'stop'>;
  readonly gatherer?: Partial<GathererSettings>;
}

/** NATs that forget mappings early do so after 30 s (RFC 4787, REQ-5, asks for 2 minutes). */
export const FRESH_MS = 20_000;
/** A gateway may take ten seconds to say no. */
const MIN_MAPPING_MS = 60_000;

interface Round {
  readonly gatherer: Gatherer;
  readonly startedMs: number;
  /** The servers that were wanted, as text. */
  readonly servers: string;
  /** The servers have answered, or will not. */
  isDone: boolean;
  /** Nothing more is waited for, names neither. */
  isOver: boolean;
}

export class LocalNetwork implements PathNetwork {
  readonly events: Emitter<NetworkEvents>;
  readonly punchBudget: PunchBudget;
  readonly #deps: LocalNetworkDeps;
  readonly #servers: StunServers;
  readonly #pace: RoundPace;
  readonly #known = new KnownCandidates();
  #state: 'new' | 'running' | 'stopped' = 'new';
  #watcher: NetworkWatcher | undefined;
  /** The watcher's when it last was quiet. */
  #addresses: readonly InterfaceAddress[] = [];
  #mapping: Pick<PortMapping, 'start' | 'stop'> | undefined;
  #mappingStartedMs = 0;
  /** At the gateway. */
  #mapped: Endpoint | undefined;
  #round: Round | undefined;
  #isGathered = false;
  #report: NatReport | undefined;
  #next: { readonly dueMs: number; readonly cancel: Cancel } | undefined;

  constructor(deps: LocalNetworkDeps) {
    this.#deps = deps;
    this.punchBudget = new PunchBudget(deps.clock);
    this.#pace = new RoundPace(deps.clock, deps.random);
    this.events = new GuardedEmitter<NetworkEvents>((err) => {
      deps.log.error({ err }, 'a listener of the network failed');
    });
    this.#servers = new StunServers(deps, {
      settled: (isNews) => {
        if (isNews) this.#begin();
        else this.#endRound();
      },
    });
  }

  get router(): StunRouter {
    return this.#deps.router;
  }

  /** Numeric, of those that are known by now. */
  get stunServers(): readonly Endpoint[] {
    return this.#servers.known;
  }

  get underlay(): Underlay {
    return this.#deps.underlay;
  }

  /** At most ten: what a peer looks at. */
  get candidates(): readonly Candidate[] {
    return this.#known.all;
  }

  /** No more candidates are to come for now. */
  get isGathered(): boolean {
    return this.#isGathered;
  }

  /** Of the last round that is over; of the first one what is known by now. */
  get natReport(): NatReport | undefined {
    return this.#report ?? this.#round?.gatherer.report;
  }

  /** Once; does nothing after `stop`. Host candidates are told before it returns. */
  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#watcher = this.#watch();
    this.#addresses = this.#watcher?.addresses ?? [];
    this.#begin();
    this.#startMapping(0);
  }

  /** Gives the mapped port back, for a second at most. Nothing is told any more. May be called twice. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#watcher?.stop();
    this.#servers.stop();
    this.#next?.cancel();
    this.#round?.gatherer.stop();
    await this.#mapping?.stop();
  }

  /** Gathers again now: after a sleep, a lost path, a login at a relay, a wish for a direct path. */
  refresh(reason: string): void {
    if (this.#state !== 'running') return;
    this.#deps.log.debug({ reason }, 'the addresses of this node are looked for again');
    this.#startMapping(MIN_MAPPING_MS);
    if (textOf(this.#servers.wanted) !== this.#round?.servers) this.#beginIn(0);
    else this.#beginSoon();
  }

  /** Gathers again if a NAT may have forgotten what the last round found: before a path is looked for. */
  freshen(): void {
    const startedMs = this.#round?.startedMs ?? 0;
    if (this.#deps.clock.monotonic() - startedMs >= FRESH_MS) this.#beginSoon();
  }

  suspect(): void {
    this.#emit('suspected', {});
  }

  #watch(): NetworkWatcher | undefined {
    const { interfaces, clock, log } = this.#deps;
    try {
      return new NetworkWatcher(interfaces, clock, (addresses) => {
        this.#addresses = addresses;
        this.#servers.forget();
        this.#begin();
        this.#startMapping(0);
      });
    } catch (err) {
      // Some systems do not let a program see them; STUN still finds the outer address.
      log.warn({ err }, 'the network interfaces of this host cannot be listed');
      return undefined;
    }
  }

  /** Now, or when the last round is `MIN_ROUND_MS` old. */
  #beginSoon(): void {
    const dueMs = (this.#round?.startedMs ?? 0) + MIN_ROUND_MS;
    this.#beginIn(Math.max(0, dueMs - this.#deps.clock.monotonic()));
  }

  /** Unless a round begins before that anyway. */
  #beginIn(ms: number): void {
    const { clock } = this.#deps;
    const dueMs = clock.monotonic() + ms;
    if (this.#state !== 'running') return;
    if (this.#next !== undefined && this.#next.dueMs <= dueMs) return;
    this.#next?.cancel();
    const cancel = clock.after(ms, () => {
      this.#begin();
    });
    this.#next = { dueMs, cancel };
  }

  #begin(): void {
    if (this.#state !== 'running') return;
    const isFirst = this.#round === undefined;
    this.#next?.cancel();
    this.#next = undefined;
    this.#round?.gatherer.stop();
    const hosts: Candidate[] = [];
    const round = this.#newRound(hosts);
    round.gatherer.start();
    this.#round = round;
    const areOthers = this.#known.begin(hosts);
    if (isFirst) {
      for (const host of hosts) this.#emit('candidate', host);
    } else if (areOthers) {
      this.#mapped = undefined;
      this.#void('interfaces');
    }
    if (this.#mapped !== undefined) this.#addMapped(this.#mapped);
    this.#servers.look();
    this.#endRound();
  }

  /** What it finds while it starts, the candidates of the host itself, are put into `hosts`. */
  #newRound(hosts: Candidate[]): Round {
    const { clock, underlay } = this.#deps;
    const gatherer = new Gatherer(
      {
        ...this.#deps,
        send: (bytes, base, to) => {
          underlay.send(bytes, base, to);
        },
      },
      {
        bases: underlay.bases,
        addresses: this.#addresses.map(({ name, host }) => ({ name, address: host })),
        servers: this.#servers.known,
      },
      {
        candidate: (candidate) => {
          if (candidate.kind === 'host') hosts.push(candidate);
          else this.#onFound(candidate);
        },
        gathered: () => {
          round.isDone = true;
          if (this.#round === round) this.#endRound();
        },
        measured: (report) => {
          this.#emit('nat', report);
        },
        finished: (report) => {
          this.#report = report;
          this.#emit('nat', report);
        },
      },
      this.#deps.gatherer,
    );
    const round: Round = {
      gatherer,
      startedMs: clock.monotonic(),
      servers: textOf(this.#servers.wanted),
      isDone: false,
      isOver: false,
    };
    return round;
  }

  #onFound(candidate: Candidate): void {
    const finding = this.#known.add(candidate);
    if (finding === 'known') return;
    if (finding === 'port' || (finding === 'added' && !this.#isGathered)) {
      this.#emit('candidate', candidate);
      return;
    }
    this.#void('outer_address');
    const isOfGateway = this.#mapped !== undefined && isSame(candidate.endpoint, this.#mapped);
    if (!isOfGateway) this.#startMapping(MIN_MAPPING_MS);
  }

  #endRound(): void {
    const round = this.#round;
    if (round?.isDone !== true || round.isOver || this.#servers.isWaiting) return;
    round.isOver = true;
    const { gatherer, servers } = round;
    const { bases, udp } = gatherer.report;
    const isGone = this.#known.end((name) =>
      bases.every(({ base, mapped }) => base !== name || mapped === undefined),
    );
    if (isGone) {
      this.#void('outer_address');
      this.#startMapping(MIN_MAPPING_MS);
    } else this.#setGathered();
    const outcome = udp ? 'answered' : servers === '' ? 'nobody_to_ask' : 'silent';
    // Perhaps names led to where nobody is, in a hotel before it lets us in.
    if (outcome === 'silent') this.#servers.forget();
    const { delayMs, isBack } = this.#pace.next(outcome);
    this.#beginIn(delayMs);
    if (isBack) this.#void('udp_again');
  }

  #void(reason: string): void {
    this.#isGathered = false;
    this.#pace.forget();
    this.#deps.log.info({ reason }, 'the addresses of this node have changed');
    this.#emit('changed', { reason });
    if (this.#round?.isOver === true) this.#setGathered();
  }

  #setGathered(): void {
    if (this.#isGathered) return;
    this.#isGathered = true;
    this.#emit('gathered', {});
  }

  /** Any listener may have stopped us. */
  #emit<Name extends keyof NetworkEvents>(name: Name, event: NetworkEvents[Name]): void {
    if (this.#state === 'running') this.events.emit(name, event);
  }

  /** Anew if the last time is so long ago. */
  #startMapping(minAgeMs: number): void {
    const { clock, mapPort } = this.#deps;
    const port = this.#mappedBase?.port;
    if (this.#state !== 'running' || mapPort === undefined || port === undefined) return;
    const nowMs = clock.monotonic();
    if (this.#mapping !== undefined && nowMs - this.#mappingStartedMs < minAgeMs) return;
    this.#mappingStartedMs = nowMs;
    this.#mapping ??= mapPort(port, (state) => {
      this.#onMapping(state);
    });
    this.#mapping.start();
  }

  #onMapping(state: PortMappingState): void {
    if (this.#state !== 'running' || (state.status !== 'mapped' && state.status !== 'none')) return;
    const mapped = state.status === 'mapped' ? state.external : undefined;
    const before = this.#mapped;
    this.#mapped = mapped;
    if (before !== undefined && (mapped === undefined || !isSame(before, mapped))) {
      // Perhaps a server sees it, too.
      this.#known.doubt({ base: this.#mappedBase?.name ?? '', endpoint: before });
      this.#beginSoon();
    }
    if (mapped !== undefined) this.#addMapped(mapped);
  }

  #addMapped(endpoint: Endpoint): void {
    const base = this.#mappedBase;
    if (base !== undefined) this.#round?.gatherer.addMappedPort(base, endpoint);
  }

  /** Gateways map ports of IPv4. */
  get #mappedBase(): LocalBase | undefined {
    return this.#deps.underlay.bases.find(({ family }) => family === 'v4');
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return endpointKey(a) === endpointKey(b);
}

function textOf(servers: readonly Endpoint[]): string {
  return servers.map(formatEndpoint).join(' ');
}
