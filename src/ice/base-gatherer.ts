/**
 * One local socket asks every STUN server of its family at once:
 *
 *     asking ──> decided ──> gathered    every server has answered, or the deadline is over
 *                   └──────> tested      what there is to find out about the NAT is known
 *
 * It is decided when more than half of the servers agree, when a second opinion is overdue, or when all
 * are in; from then on the outer endpoint that the majority of the answers name is told. A dead server
 * costs the wait for a second opinion, which is short where answers are fast.
 */
import type { Cancel } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import type { IpFamily } from './candidate.ts';
import { endpointKey, hostKey } from './endpoint-key.ts';
import {
  type BaseReport,
  believedEndpoint,
  largestAgreement,
  mappingOf,
  type NatBehaviour,
  type Observation,
  portStepOf,
  type ServerReport,
} from './nat-behaviour.ts';
import { type NatTestDeps, testFiltering, testHairpin } from './nat-tests.ts';
import { type QueryRules, ServerQuery } from './server-query.ts';

export interface LocalBase {
  readonly name: string;
  readonly family: IpFamily;
  /** The socket's own. */
  readonly port: number;
}

export interface GathererSettings {
  /** Servers that have not answered by then are given up: after requests at 0, 500, 1,500 and 3,500 ms. */
  readonly deadlineMs: number;
  /** A second server's answer may take three times as long as the first's and this longer, */
  readonly secondOpinionMs: number;
  /** and at most this. */
  readonly maxSecondOpinionMs: number;
  /**
   * Also filtering and hairpinning, which candidates do not need. Wants a socket of its own: to one from
   * which a server's other address was asked a moment ago every NAT seems to let it in.
   */
  readonly testsNat: boolean;
  /** For several hosts on one machine. */
  readonly allowLoopback: boolean;
}

export const DEFAULT_GATHERER_SETTINGS: GathererSettings = {
  deadlineMs: 5_000,
  secondOpinionMs: 50,
  maxSecondOpinionMs: 300,
  testsNat: false,
  allowLoopback: false,
};

export interface BaseGathererOptions {
  readonly base: LocalBase;
  /** Each once. */
  readonly servers: readonly Endpoint[];
  /** Is this an address of our own? */
  readonly isOwnHost: (host: string) => boolean;
  readonly settings: GathererSettings;
}

export interface BaseGathererHandlers {
  /** An outer endpoint that is believed, each once. */
  mapped(endpoint: Endpoint): void;
  /** Something of `isGathered`, `isTested` has changed. */
  progressed(): void;
}

export class BaseGatherer {
  readonly #deps: NatTestDeps;
  readonly #options: BaseGathererOptions;
  readonly #handlers: BaseGathererHandlers;
  readonly #queryRules: QueryRules;
  readonly #queries: ServerQuery[] = [];
  /** To the other address and ports of one server: they show mappings, but have no vote. */
  readonly #followUps: ServerQuery[] = [];
  readonly #timers: Cancel[] = [];
  /** Told outer endpoints, and their hosts with port 0. */
  readonly #told = new Set<string>();
  readonly #testsRunning = new Set<'filtering' | 'hairpin' | 'mapping'>();
  #isOverdue = false;
  #isStopped = false;
  #hasTested = false;
  #filtering: NatBehaviour = 'unknown';
  #hairpin: boolean | undefined;

  constructor(deps: NatTestDeps, options: BaseGathererOptions, handlers: BaseGathererHandlers) {
    this.#deps = deps;
    this.#options = options;
    this.#handlers = handlers;
    const { base, settings } = options;
    this.#queryRules = {
      base: base.name,
      family: base.family,
      allowLoopback: settings.allowLoopback,
    };
  }

  get isGathered(): boolean {
    return this.#queries.every(({ isWaiting }) => !isWaiting);
  }

  get isTested(): boolean {
    return this.isGathered && this.#testsRunning.size === 0;
  }

  start(): void {
    const { servers, settings } = this.#options;
    for (const server of servers) {
      const query: ServerQuery = new ServerQuery(this.#deps, this.#queryRules, server, () => {
        this.#answered(query);
      });
      this.#queries.push(query);
    }
    if (servers.length === 0) return;
    this.#after(settings.deadlineMs, () => {
      for (const query of this.#queries) query.cancel();
      this.#evaluate();
    });
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#isStopped = true;
    for (const query of [...this.#queries, ...this.#followUps]) query.cancel();
    for (const cancel of this.#timers) cancel();
    this.#testsRunning.clear();
  }

  get serverReports(): readonly ServerReport[] {
    return this.#queries.map(({ report }) => report);
  }

  get report(): BaseReport {
    const { base, isOwnHost } = this.#options;
    const mapped = this.#believed;
    const seen = this.#credible([...this.#queries, ...this.#followUps]);
    return {
      base: base.name,
      family: base.family,
      mapped,
      behindNat: mapped && !isOwnHost(mapped.host),
      mapping: mappingOf(seen),
      filtering: this.#filtering,
      portKept: mapped === undefined ? undefined : mapped.port === base.port,
      portStep: portStepOf(seen),
      hairpin: this.#hairpin,
    };
  }

  get #believed(): Endpoint | undefined {
    return believedEndpoint(observationsOf(this.#queries));
  }

  /** Without what servers say that contradict the majority about our address. */
  #credible(queries: readonly ServerQuery[]): readonly Observation[] {
    const believed = this.#believed;
    const seen = observationsOf(queries);
    if (believed === undefined) return seen;
    return seen.filter(({ mapped }) => hostKey(mapped) === hostKey(believed));
  }

  #answered(query: ServerQuery): void {
    const { secondOpinionMs, maxSecondOpinionMs } = this.#options.settings;
    const answers = this.#queries.filter(({ mapped }) => mapped !== undefined).length;
    if (answers === 1) {
      const waitMs = secondOpinionMs + 2 * (query.rttMs ?? maxSecondOpinionMs);
      this.#after(Math.min(waitMs, maxSecondOpinionMs), () => {
        this.#isOverdue = true;
        this.#evaluate();
      });
    }
    this.#evaluate();
  }

  #evaluate(): void {
    if (this.#isDecided()) {
      this.#tell();
      // Whoever was told may have stopped us.
      if (!this.#isStopped) this.#test();
    }
    this.#handlers.progressed();
  }

  #isDecided(): boolean {
    if (this.#isOverdue || this.isGathered) return true;
    const hosts = new Set(this.#queries.map(({ server }) => hostKey(server)));
    return largestAgreement(observationsOf(this.#queries)) * 2 > hosts.size;
  }

  #tell(): void {
    const believed = this.#believed;
    if (believed === undefined) return;
    const seen = observationsOf(this.#queries);
    // Of a NAT that maps each server anew one endpoint is enough: its port is nobody else's.
    const isNewHost = !this.#told.has(hostKey(believed));
    if (!isNewHost && mappingOf(seen) !== 'endpoint-independent') return;
    if (this.#told.has(endpointKey(believed))) return;
    this.#told.add(endpointKey(believed)).add(hostKey(believed));
    this.#handlers.mapped(believed);
  }

  /** With the first server of RFC 5780 that has answered; once. */
  #test(): void {
    const mapped = this.#believed;
    const query = this.#queries.find(({ other }) => other !== undefined);
    if (this.#hasTested || mapped === undefined) return;
    if (query?.other === undefined && !this.isGathered) return;
    this.#hasTested = true;
    const { base, isOwnHost, settings } = this.#options;
    if (settings.testsNat && !isOwnHost(mapped.host)) {
      this.#run('hairpin', (done) =>
        testHairpin(this.#deps, { base: base.name, mapped }, (hairpin) => {
          this.#hairpin = hairpin;
          done();
        }),
      );
    }
    if (query?.other === undefined) return;
    if (settings.testsNat) this.#testFiltering(query.server, query.other);
    else this.#testMapping(query.server, query.other);
  }

  /** Before anything is sent to the other address, which would open the filter for it. */
  #testFiltering(server: Endpoint, other: Endpoint): void {
    const isOpened = this.#options.servers.some(
      (asked) =>
        hostKey(asked) === hostKey(other) ||
        (hostKey(asked) === hostKey(server) && asked.port !== server.port),
    );
    if (isOpened) {
      this.#testMapping(server, other);
      return;
    }
    this.#run('filtering', (done) =>
      testFiltering(this.#deps, { base: this.#options.base.name, server, other }, (filtering) => {
        this.#filtering = filtering;
        this.#testMapping(server, other);
        done();
      }),
    );
  }

  /** Three more mappings, where the servers' answers do not show already that there is only one. */
  #testMapping(server: Endpoint, other: Endpoint): void {
    if (mappingOf(this.#credible(this.#queries)) === 'endpoint-independent') return;
    const places = [
      { host: server.host, port: other.port },
      { host: other.host, port: server.port },
      other,
    ];
    this.#run('mapping', (done) => {
      for (const place of places) {
        const followUp = new ServerQuery(this.#deps, this.#queryRules, place, () => {
          if (this.#followUps.every(({ isWaiting }) => !isWaiting)) done();
        });
        this.#followUps.push(followUp);
      }
      return this.#deps.clock.after(this.#options.settings.deadlineMs, () => {
        for (const followUp of this.#followUps) followUp.cancel();
        done();
      });
    });
  }

  #run(test: 'filtering' | 'hairpin' | 'mapping', start: (done: () => void) => Cancel): void {
    this.#testsRunning.add(test);
    this.#timers.push(
      start(() => {
        if (this.#testsRunning.delete(test)) this.#handlers.progressed();
      }),
    );
  }

  #after(ms: number, run: () => void): void {
    this.#timers.push(this.#deps.clock.after(ms, run));
  }
}

function observationsOf(queries: readonly ServerQuery[]): readonly Observation[] {
  return queries.flatMap(({ server, mapped }) =>
    mapped === undefined ? [] : [{ server, mapped }],
  );
}
