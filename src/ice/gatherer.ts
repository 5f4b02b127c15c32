/**
 * Finds out under which addresses this host may be reached: host candidates from the list of its
 * interfaces at once, server-reflexive ones as STUN servers answer, mapped ports when they are told.
 *
 *     start ──> candidate* ──> gathered ──> finished, with the report on the NATs
 *
 * It has no sockets: requests leave by `send`, answers come in through the router. An answer with another
 * id or from another source never gets here. A server may name any address; who is believed stands in
 * nat-behaviour.ts. One server's OTHER-ADDRESS for each base is believed as far as to send two requests to
 * that host, four times at most: 8 datagrams of 20 bytes.
 */
import type { Endpoint } from '../base/endpoint.ts';
import {
  BaseGatherer,
  DEFAULT_GATHERER_SETTINGS,
  type GathererSettings,
  type LocalBase,
} from './base-gatherer.ts';
import {
  type Candidate,
  familyOf,
  foundationOf,
  localPreferenceOf,
  priorityOf,
} from './candidate.ts';
import { endpointKey, hostKey } from './endpoint-key.ts';
import { type HostAddress, hostAddresses, type InterfaceAddress } from './host-addresses.ts';
import type { NatReport } from './nat-behaviour.ts';
import type { NatTestDeps } from './nat-tests.ts';

export interface GathererInput {
  /** One for each address family that there is. */
  readonly bases: readonly LocalBase[];
  readonly addresses: readonly InterfaceAddress[];
  /** Numeric; the first `MAX_STUN_SERVERS` of each family are asked. */
  readonly servers: readonly Endpoint[];
}

export interface GathererHandlers {
  /** Each endpoint of a base once. Host candidates are told by `start`. */
  candidate(candidate: Candidate): void;
  /** No more candidates are to come, but for ports mapped later. */
  gathered(): void;
  /** Once, when the NAT of one base is known while another base still waits for its servers. */
  measured?(report: NatReport): void;
  /** After `gathered`, when also the tests of the NAT are over. */
  finished(report: NatReport): void;
}

/** As many as a node may configure (16) and its relays (4) have. */
export const MAX_STUN_SERVERS = 20;

export class Gatherer {
  readonly #handlers: GathererHandlers;
  readonly #input: GathererInput;
  readonly #hosts: readonly HostAddress[];
  readonly #gatherers: readonly BaseGatherer[];
  /** Base and endpoint of the candidates told. */
  readonly #told = new Set<string>();
  #hasMeasured = false;
  #state: 'new' | 'gathering' | 'gathered' | 'finished' | 'stopped' = 'new';

  constructor(
    deps: NatTestDeps,
    input: GathererInput,
    handlers: GathererHandlers,
    settings: Partial<GathererSettings> = {},
  ) {
    this.#handlers = handlers;
    this.#input = input;
    const all = { ...DEFAULT_GATHERER_SETTINGS, ...settings };
    this.#hosts = hostAddresses(input.addresses, all);
    this.#gatherers = input.bases.map((base) => {
      const options = {
        base,
        servers: this.#canAsk(base) ? serversFor(base, input.servers) : [],
        isOwnHost: (host: string) => this.#isOwnHost(host),
        settings: all,
      };
      return new BaseGatherer(deps, options, {
        mapped: (endpoint) => {
          this.#tellReflexive(base, endpoint, 'stun');
        },
        progressed: () => {
          this.#progressed();
        },
      });
    });
  }

  start(): void {
    if (this.#state !== 'new') throw new Error('a gatherer starts once');
    this.#state = 'gathering';
    for (const base of this.#input.bases) {
      for (const host of this.#hosts) if (host.family === base.family) this.#tellHost(base, host);
    }
    if (!this.#is('gathering')) return;
    for (const gatherer of this.#gatherers) gatherer.start();
    this.#progressed();
  }

  /** A port that a gateway maps to this base: a candidate as if a STUN server had seen it. */
  addMappedPort(base: LocalBase, endpoint: Endpoint): void {
    if (this.#state !== 'stopped') this.#tellReflexive(base, endpoint, 'mapped-port');
  }

  /** What is known by now. */
  get report(): NatReport {
    const servers = this.#gatherers.flatMap(({ serverReports }) => serverReports);
    return {
      udp: servers.some(({ outcome }) => outcome !== 'waiting' && outcome !== 'no_answer'),
      bases: this.#gatherers.map(({ report }) => report),
      servers,
    };
  }

  /** No handler is called any more. May be called twice. */
  stop(): void {
    this.#state = 'stopped';
    for (const gatherer of this.#gatherers) gatherer.stop();
  }

  #progressed(): void {
    this.#tellMeasured();
    if (this.#is('gathering') && this.#gatherers.every(({ isGathered }) => isGathered)) {
      this.#state = 'gathered';
      this.#handlers.gathered();
    }
    if (this.#is('gathered') && this.#gatherers.every(({ isTested }) => isTested)) {
      this.#state = 'finished';
      for (const gatherer of this.#gatherers) gatherer.stop();
      this.#handlers.finished(this.report);
    }
  }

  /** Not where all are done: then it is finished. */
  #tellMeasured(): void {
    const isSoon = this.#gatherers.some(
      ({ isTested, report }) => isTested && report.mapped !== undefined,
    );
    const isLast = this.#gatherers.every(({ isTested }) => isTested);
    if (!isSoon || isLast || this.#hasMeasured || !this.#is('gathering')) return;
    this.#hasMeasured = true;
    this.#handlers.measured?.(this.report);
  }

  /** Asked anew after a handler ran, which may have stopped us. */
  #is(state: 'gathering' | 'gathered'): boolean {
    return this.#state === state;
  }

  #tellHost({ name, port }: LocalBase, { host, family, interfaceIndex }: HostAddress): void {
    this.#tell({
      kind: 'host',
      base: name,
      endpoint: { host, port },
      priority: priorityOf('host', localPreferenceOf(family, interfaceIndex)),
      foundation: foundationOf('host', host),
    });
  }

  /** A mapped port comes first: it lets everybody in. */
  #tellReflexive(base: LocalBase, endpoint: Endpoint, source: 'stun' | 'mapped-port'): void {
    const preference = localPreferenceOf(base.family, source === 'stun' ? 1 : 0);
    this.#tell({
      kind: 'srflx',
      base: base.name,
      endpoint,
      priority: priorityOf('srflx', preference),
      foundation: foundationOf('srflx', base.name, source),
    });
  }

  /** One that is told already is redundant (RFC 8445, 5.1.3). */
  #tell(candidate: Candidate & { readonly base: string }): void {
    const key = `${candidate.base} ${endpointKey(candidate.endpoint)}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#handlers.candidate(candidate);
  }

  /** Without an address of its family nothing gets out, and every server would be waited for in vain. */
  #canAsk({ family }: LocalBase): boolean {
    const isListed = this.#input.addresses.length > 0;
    return !isListed || this.#hosts.some((host) => host.family === family);
  }

  #isOwnHost(host: string): boolean {
    return this.#hosts.some((own) => hostKey(own) === hostKey({ host }));
  }
}

function serversFor({ family }: LocalBase, servers: readonly Endpoint[]): readonly Endpoint[] {
  const byKey = new Map(
    servers
      .filter(({ host, port }) => familyOf(host) === family && port > 0)
      .map((server) => [endpointKey(server), server]),
  );
  return [...byKey.values()].slice(0, MAX_STUN_SERVERS);
}
