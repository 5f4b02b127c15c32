import type { Transport } from './transport.ts';
import type {
  ExposedList,
  ExposedService,
  ExposeRequest,
  Forward,
  ForwardList,
  ForwardRequest,
  GatewayMapping,
  GatewayMapRequest,
  GatewayStartRequest,
  GatewayUnmapped,
  GatewayUnmapRequest,
  GatewayView,
  ProxyStartRequest,
  ProxyView,
  TUNNEL_ROUTES,
  UnexposeRequest,
  UnforwardRequest,
} from './tunnel-api.ts';

interface Options {
  readonly signal?: AbortSignal | undefined;
}

/** A relay may have to be asked who a target is. */
const LOOKUP_MS = 10_000;

/** `PilotClient.tunnels`: what is asked for here survives restarts of the daemon. */
export class TunnelClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async exposed(options: Options = {}): Promise<readonly ExposedService[]> {
    return (await this.#call<ExposedList>('listExposed', options)).exposed;
  }

  /** Offers a service of this host to trusted nodes. The same again changes nothing. */
  async expose(request: ExposeRequest, options: Options = {}): Promise<ExposedService> {
    return this.#call('expose', options, request);
  }

  async unexpose(request: UnexposeRequest, options: Options = {}): Promise<ExposedService> {
    return this.#call('unexpose', options, request);
  }

  async forwards(options: Options = {}): Promise<readonly Forward[]> {
    return (await this.#call<ForwardList>('listForwards', options)).forwards;
  }

  /** Listens on this host; each connection is carried to the target's port. The same again changes nothing. */
  async forward(request: ForwardRequest, options: Options = {}): Promise<Forward> {
    return this.#call('forward', options, request);
  }

  async unforward(request: UnforwardRequest, options: Options = {}): Promise<Forward> {
    return this.#call('unforward', options, request);
  }

  async gateway(options: Options = {}): Promise<GatewayView> {
    return this.#call('gateway', options);
  }

  async startGateway(request: GatewayStartRequest, options: Options = {}): Promise<GatewayView> {
    return this.#call('startGateway', options, request);
  }

  async stopGateway(options: Options = {}): Promise<GatewayView> {
    return this.#call('stopGateway', options);
  }

  async mapGateway(request: GatewayMapRequest, options: Options = {}): Promise<GatewayMapping> {
    return this.#call('mapGateway', options, request);
  }

  async unmapGateway(
    request: GatewayUnmapRequest,
    options: Options = {},
  ): Promise<GatewayUnmapped> {
    return this.#call('unmapGateway', options, request);
  }

  async proxy(options: Options = {}): Promise<ProxyView> {
    return this.#call('proxy', options);
  }

  async startProxy(request: ProxyStartRequest = {}, options: Options = {}): Promise<ProxyView> {
    return this.#call('startProxy', options, request);
  }

  async stopProxy(options: Options = {}): Promise<ProxyView> {
    return this.#call('stopProxy', options);
  }

  async #call<Reply>(
    route: keyof typeof TUNNEL_ROUTES,
    { signal }: Options,
    body?: object,
  ): Promise<Reply> {
    return this.#transport.json({
      route,
      ...(body !== undefined && { body }),
      waitMs: LOOKUP_MS,
      signal,
    });
  }
}
