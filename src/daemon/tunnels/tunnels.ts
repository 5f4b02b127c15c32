/**
 * Programs of this host and of peers, through virtual ports:
 *
 *     peer ──stream──> Exposures ──> a service of this host
 *     a program of this host ──> Forwards, Gateway, Proxy ──stream──> a port of a peer
 *
 * Nothing of it is there until the owner of this host asks for it; then it is there after a restart, too.
 */
import { toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type {
  ExposedService,
  ExposeRequest,
  Forward,
  ForwardRequest,
  GatewayMapping,
  GatewayMapRequest,
  GatewayStartRequest,
  GatewayUnmapped,
  GatewayUnmapRequest,
  GatewayView,
  ProxyStartRequest,
  ProxyView,
  TunnelFailure,
  UnexposeRequest,
  UnforwardRequest,
} from '../../client/api.ts';
import { decodeNodeId } from '../../identity/node-id.ts';
import type { Log } from '../log/log.ts';
import type { NodeApi } from '../node/node-api.ts';
import type { Storage } from '../store/storage.ts';
import { Exposures, type ExposuresDeps } from './exposures.ts';
import { Forwards } from './forwards.ts';
import { Gateway } from './gateway.ts';
import { Proxy } from './proxy.ts';
import type { TunnelRule } from './tunnel-rule.ts';
import { TunnelRules } from './tunnel-rules.ts';

/** A program that tries again and again fills no reader's queue. */
const FAILURE_EVENTS = { perSecond: 10, burst: 50 };

/** What the local API needs of them. Errors are PilotErrors. */
export interface TunnelCalls {
  exposed(): readonly ExposedService[];
  expose(request: ExposeRequest): Promise<ExposedService>;
  unexpose(request: UnexposeRequest): Promise<ExposedService>;
  forwards(): readonly Forward[];
  forward(request: ForwardRequest): Promise<Forward>;
  unforward(request: UnforwardRequest): Promise<Forward>;
  gateway(): GatewayView;
  startGateway(request: GatewayStartRequest): Promise<GatewayView>;
  stopGateway(): Promise<GatewayView>;
  mapGateway(request: GatewayMapRequest): Promise<GatewayMapping>;
  unmapGateway(request: GatewayUnmapRequest): Promise<GatewayUnmapped>;
  proxy(): ProxyView;
  startProxy(request: ProxyStartRequest): Promise<ProxyView>;
  stopProxy(): Promise<ProxyView>;
}

export interface TunnelsDeps {
  readonly node: Pick<NodeApi, 'events' | 'names' | 'ports' | 'resolve'>;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
}

export class Tunnels implements TunnelCalls {
  readonly #deps: TunnelsDeps;
  readonly #rules: TunnelRules;
  readonly #exposures: Exposures;
  readonly #forwards: Forwards;
  readonly #gateway: Gateway;
  readonly #proxy: Proxy;
  readonly #failureEvents: TokenBucket;
  /** Changes are made one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(deps: TunnelsDeps) {
    const { clock, log, node, storage } = deps;
    this.#deps = deps;
    this.#rules = new TunnelRules(storage, log);
    this.#failureEvents = new TokenBucket(FAILURE_EVENTS, clock.monotonic());
    const shared: ExposuresDeps = {
      ...{ clock, log, rules: this.#rules, ports: node.ports },
      trusted: async (target) => this.#trusted(target),
      failed: (failure) => {
        this.#failed(failure);
      },
    };
    this.#exposures = new Exposures(shared);
    this.#forwards = new Forwards(shared);
    this.#gateway = new Gateway(shared);
    this.#proxy = new Proxy(shared);
  }

  /** Takes up what was asked for before. Resolves when each rule was tried once. */
  async start(): Promise<void> {
    await this.#inTurn(async () => {
      for (const rule of [...this.#rules.all()]) await this.#restore(rule);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#last.catch(() => undefined);
    this.#proxy.close();
    this.#gateway.close();
    this.#forwards.stop();
    this.#exposures.stop();
  }

  exposed(): readonly ExposedService[] {
    return this.#exposures.list();
  }

  async expose(request: ExposeRequest): Promise<ExposedService> {
    return this.#inTurn(async () => this.#exposures.add(request));
  }

  async unexpose(request: UnexposeRequest): Promise<ExposedService> {
    return this.#inTurn(async () => this.#exposures.remove(request));
  }

  forwards(): readonly Forward[] {
    return this.#forwards.list();
  }

  async forward(request: ForwardRequest): Promise<Forward> {
    return this.#inTurn(async () => this.#forwards.add(request));
  }

  async unforward(request: UnforwardRequest): Promise<Forward> {
    return this.#inTurn(async () => this.#forwards.remove(request));
  }

  gateway(): GatewayView {
    return this.#gateway.view();
  }

  async startGateway(request: GatewayStartRequest): Promise<GatewayView> {
    return this.#inTurn(async () => this.#gateway.start(request));
  }

  async stopGateway(): Promise<GatewayView> {
    return this.#inTurn(async () => this.#gateway.stop());
  }

  async mapGateway(request: GatewayMapRequest): Promise<GatewayMapping> {
    return this.#inTurn(async () => this.#gateway.map(request));
  }

  async unmapGateway(request: GatewayUnmapRequest): Promise<GatewayUnmapped> {
    return this.#inTurn(async () => this.#gateway.unmap(request));
  }

  proxy(): ProxyView {
    return this.#proxy.view();
  }

  async startProxy(request: ProxyStartRequest): Promise<ProxyView> {
    return this.#inTurn(async () => this.#proxy.start(request));
  }

  async stopProxy(): Promise<ProxyView> {
    return this.#inTurn(async () => this.#proxy.stop());
  }

  async #restore(rule: TunnelRule): Promise<void> {
    switch (rule.kind) {
      case 'expose':
        return this.#exposures.restore(rule);
      case 'forward':
        return this.#forwards.restore(rule);
      case 'gateway':
        return this.#gateway.restore(rule);
      case 'proxy':
        return this.#proxy.restore(rule);
    }
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      if (!this.#isStopped) return change();
      throw new PilotError('not_running', 'the daemon stops', {
        hint: 'start it again: pilotctl daemon start',
      });
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** A name is looked up now, and never again: rules are about keys. */
  async #trusted(target: string): Promise<string> {
    const { node } = this.#deps;
    const { id, trusted } = await node.resolve(target);
    if (id === node.names().id) {
      throw new PilotError('invalid_argument', `${target} is this node itself`, {
        hint: 'name another node; see: pilotctl trust',
      });
    }
    if (trusted) return toHex(decodeNodeId(id));
    throw new PilotError('trust_required', `${target} is not trusted`, {
      hint: `ask for trust first: pilotctl handshake ${target}`,
    });
  }

  #failed(failure: TunnelFailure): void {
    const { clock, log, node } = this.#deps;
    log.warn(failure, 'a connection through a tunnel failed');
    if (this.#failureEvents.take(clock.monotonic())) node.events.emit('tunnel.failed', failure);
  }
}
