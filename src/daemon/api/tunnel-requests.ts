import * as z from 'zod';

import type {
  ExposeRequest,
  ForwardRequest,
  GatewayMapRequest,
  GatewayStartRequest,
  GatewayUnmapRequest,
  ProxyStartRequest,
  UnexposeRequest,
  UnforwardRequest,
} from '../../client/api.ts';
import { MAX_ALLOWED, MAX_GATEWAY_MAPPINGS, MAX_GATEWAY_PORTS } from '../tunnels/tunnel-rule.ts';
import { schemaOf } from './schema-of.ts';

const port = z.int().min(0).max(65_535);
/** Of a program: there is no port 0 to listen on or to connect to. */
const gatewayPort = port.min(1);
const target = z.string().min(1).max(256).describe('Node ID, address, node number or hostname');
const place = z.string().min(1).max(300);
const udp = z.boolean().exactOptional();

/** What the routes of tunnels take: see `api-schemas.ts`. */
export const TUNNEL_REQUESTS = {
  listExposed: {},
  expose: {
    body: schemaOf<ExposeRequest>()(
      z.strictObject({
        ...{ port, to: place.describe('host:port of a service, as this host sees it') },
        ...{ allow: z.array(target).max(MAX_ALLOWED).exactOptional(), udp },
      }),
    ),
  },
  unexpose: { body: schemaOf<UnexposeRequest>()(z.strictObject({ port, udp })) },
  listForwards: {},
  forward: {
    body: schemaOf<ForwardRequest>()(
      z.strictObject({
        ...{ listen: place.describe('address:port of this host; port 0: a free one') },
        ...{ target, port, udp },
      }),
    ),
  },
  unforward: { body: schemaOf<UnforwardRequest>()(z.strictObject({ listen: place, udp })) },
  gateway: {},
  startGateway: {
    body: schemaOf<GatewayStartRequest>()(
      z.strictObject({
        subnet: z.string().max(64).exactOptional(),
        ports: z.array(gatewayPort).min(1).max(MAX_GATEWAY_PORTS).exactOptional(),
        targets: z.array(target).max(MAX_GATEWAY_MAPPINGS).exactOptional(),
      }),
    ),
  },
  stopGateway: {},
  mapGateway: {
    body: schemaOf<GatewayMapRequest>()(
      z.strictObject({ target, local_ip: z.string().max(64).exactOptional() }),
    ),
  },
  unmapGateway: {
    body: schemaOf<GatewayUnmapRequest>()(z.strictObject({ local_ip: z.string().max(64) })),
  },
  proxy: {},
  startProxy: {
    body: schemaOf<ProxyStartRequest>()(z.strictObject({ listen: place.exactOptional() })),
  },
  stopProxy: {},
} as const;
