/** Tunnels: programs of this host and of peers, by virtual ports. See `api.ts` for the manners. */
import type { NodeNames } from './node-names.ts';

/** In the order of the calls below. The names are also those of the call stream. */
export const TUNNEL_ROUTES = {
  listExposed: { method: 'GET', path: '/v1/tunnels/exposed' },
  expose: { method: 'POST', path: '/v1/tunnels/exposed' },
  unexpose: { method: 'POST', path: '/v1/tunnels/unexpose' },
  listForwards: { method: 'GET', path: '/v1/tunnels/forwards' },
  forward: { method: 'POST', path: '/v1/tunnels/forwards' },
  unforward: { method: 'POST', path: '/v1/tunnels/unforward' },
  gateway: { method: 'GET', path: '/v1/gateway' },
  startGateway: { method: 'POST', path: '/v1/gateway/start' },
  stopGateway: { method: 'POST', path: '/v1/gateway/stop' },
  mapGateway: { method: 'POST', path: '/v1/gateway/map' },
  unmapGateway: { method: 'POST', path: '/v1/gateway/unmap' },
  proxy: { method: 'GET', path: '/v1/proxy' },
  startProxy: { method: 'POST', path: '/v1/proxy/start' },
  stopProxy: { method: 'POST', path: '/v1/proxy/stop' },
} as const;

export type TunnelProtocol = 'tcp' | 'udp';

export interface ExposeRequest {
  /** The virtual port that peers name. */
  readonly port: number;
  /** The service: `host:port`, as this host sees it. */
  readonly to: string;
  /** Who may use it; absent: every trusted node. */
  readonly allow?: readonly string[];
  readonly udp?: boolean;
}

export interface UnexposeRequest {
  readonly port: number;
  readonly udp?: boolean;
}

/** A service of this host that peers can use. */
export interface ExposedService {
  readonly port: number;
  readonly protocol: TunnelProtocol;
  readonly to: string;
  /** Empty: every trusted node. */
  readonly allow: readonly NodeNames[];
  /** Open now; of UDP: who sent something within two minutes. */
  readonly connections: number;
  /** Why the last connection came to nothing, or why it does not listen; empty when all is well. */
  readonly error: string;
}

export interface ExposedList {
  readonly exposed: readonly ExposedService[];
  readonly total: number;
}

export interface ForwardRequest {
  /** Where to listen on this host: `address:port`; port 0: a free one. */
  readonly listen: string;
  readonly target: string;
  /** The virtual port of the target. */
  readonly port: number;
  readonly udp?: boolean;
}

export interface UnforwardRequest {
  readonly listen: string;
  readonly udp?: boolean;
}

/** A port of this host that leads to one of a peer. */
export interface Forward {
  readonly listen: string;
  readonly protocol: TunnelProtocol;
  readonly target: NodeNames;
  readonly port: number;
  readonly connections: number;
  /** False: its address is not free, or not there; it is tried again every 10 s. */
  readonly listening: boolean;
  /** Why the last connection came to nothing, or why it does not listen; empty when all is well. */
  readonly error: string;
  /** Who else than this host can use it; empty: nobody. */
  readonly warning: string;
}

export interface ForwardList {
  readonly forwards: readonly Forward[];
  readonly total: number;
}

export interface GatewayStartRequest {
  /** IPv4, `/8` to `/30`; default 127.4.0.0/16. */
  readonly subnet?: string;
  /** Which ports of each peer; default: those of pilotctl interface 1.6. */
  readonly ports?: readonly number[];
  readonly targets?: readonly string[];
}

export interface GatewayMapRequest {
  readonly target: string;
  /** Of the subnet; absent: the first that is free. */
  readonly local_ip?: string;
}

export interface GatewayUnmapRequest {
  readonly local_ip: string;
}

/** An address of this host that stands for a peer. */
export interface GatewayMapping extends NodeNames {
  readonly local_ip: string;
  /** The same as `address`. */
  readonly pilot_addr: string;
  /** On which it listens. */
  readonly ports: readonly number[];
  /** On which it cannot, and why. */
  readonly failed: readonly { readonly port: number; readonly reason: string }[];
  readonly connections: number;
}

export interface GatewayView {
  readonly running: boolean;
  /** Of the daemon, whose part the gateway is. */
  readonly pid: number;
  /** Empty when it does not run. */
  readonly subnet: string;
  readonly ports: readonly number[];
  readonly mappings: readonly GatewayMapping[];
  readonly total: number;
}

export interface GatewayUnmapped {
  readonly unmapped: string;
}

export interface ProxyStartRequest {
  /** Default 127.0.0.1:1080. */
  readonly listen?: string;
}

/** The proxy for programs of this host: HTTP (also CONNECT) and SOCKS5 on one port. */
export interface ProxyView {
  readonly running: boolean;
  /** Empty when it does not run. */
  readonly listen: string;
  readonly connections: number;
  readonly error: string;
  readonly warning: string;
}

/** A connection that a program of this host, or a peer, asked for and did not get. */
export interface TunnelFailure {
  readonly kind: 'exposed' | 'forward' | 'gateway' | 'proxy';
  /** The exposed service, or where this host listens. */
  readonly place: string;
  readonly port: number;
  /** The other node, as far as it is known: a name, or its Node ID. */
  readonly target: string;
  readonly code: string;
  readonly message: string;
}
