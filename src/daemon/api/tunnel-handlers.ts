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
  UnexposeRequest,
  UnforwardRequest,
} from '../../client/api.ts';
import type { TunnelCalls } from '../tunnels/tunnels.ts';

/** What the routes of tunnels answer with. */
export interface TunnelReplies {
  listExposed: ExposedList;
  expose: ExposedService;
  unexpose: ExposedService;
  listForwards: ForwardList;
  forward: Forward;
  unforward: Forward;
  gateway: GatewayView;
  startGateway: GatewayView;
  stopGateway: GatewayView;
  mapGateway: GatewayMapping;
  unmapGateway: GatewayUnmapped;
  proxy: ProxyView;
  startProxy: ProxyView;
  stopProxy: ProxyView;
}

interface TunnelBodies {
  expose: ExposeRequest;
  unexpose: UnexposeRequest;
  forward: ForwardRequest;
  unforward: UnforwardRequest;
  startGateway: GatewayStartRequest;
  mapGateway: GatewayMapRequest;
  unmapGateway: GatewayUnmapRequest;
  startProxy: ProxyStartRequest;
}

type TunnelHandlers = {
  readonly [Name in keyof TunnelReplies]: (call: {
    readonly body: Name extends keyof TunnelBodies ? TunnelBodies[Name] : unknown;
  }) => TunnelReplies[Name] | Promise<TunnelReplies[Name]>;
};

export function tunnelHandlers(tunnels: TunnelCalls): TunnelHandlers {
  return {
    listExposed: () => {
      const exposed = tunnels.exposed();
      return { exposed, total: exposed.length };
    },
    expose: async ({ body }) => tunnels.expose(body),
    unexpose: async ({ body }) => tunnels.unexpose(body),
    listForwards: () => {
      const forwards = tunnels.forwards();
      return { forwards, total: forwards.length };
    },
    forward: async ({ body }) => tunnels.forward(body),
    unforward: async ({ body }) => tunnels.unforward(body),
    gateway: () => tunnels.gateway(),
    startGateway: async ({ body }) => tunnels.startGateway(body),
    stopGateway: async () => tunnels.stopGateway(),
    mapGateway: async ({ body }) => tunnels.mapGateway(body),
    unmapGateway: async ({ body }) => tunnels.unmapGateway(body),
    proxy: () => tunnels.proxy(),
    startProxy: async ({ body }) => tunnels.startProxy(body),
    stopProxy: async () => tunnels.stopProxy(),
  };
}
