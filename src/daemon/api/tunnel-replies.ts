import * as z from 'zod';

import type { TUNNEL_ROUTES, TunnelFailure } from '../../client/tunnel-api.ts';
import { schemaOf } from './schema-of.ts';
import type { TunnelReplies } from './tunnel-handlers.ts';

/** What the routes of tunnels answer: see `api-replies.ts`. */

const text = z.string();
const count = z.int().min(0);
const port = z.int().min(0).max(65_535);
const names = { id: text, node_id: count, address: text, hostname: text };
const protocol = z.enum(['tcp', 'udp']);

const exposed = z.object({
  ...{ port, protocol, to: text },
  allow: z.array(z.object(names)).describe('empty: every trusted node'),
  connections: count,
  error: text.describe('why the last connection, or listening, came to nothing'),
});

const forward = z.object({
  ...{ listen: text, protocol, target: z.object(names), port, connections: count },
  listening: z.boolean(),
  error: text.describe('why the last connection, or listening, came to nothing'),
  warning: text.describe('who else than this host can use it'),
});

const mapping = z.object({
  ...names,
  ...{ local_ip: text, pilot_addr: text },
  ports: z.array(port).describe('on which it listens'),
  failed: z.array(z.object({ port, reason: text })),
  connections: count,
});

const gateway = z.object({
  running: z.boolean(),
  pid: count.describe('of the daemon'),
  ...{ subnet: text, ports: z.array(port), mappings: z.array(mapping), total: count },
});

const proxy = z.object({
  ...{ running: z.boolean(), listen: text, connections: count, error: text, warning: text },
});

export const tunnelFailure = schemaOf<TunnelFailure>()(
  z.object({
    kind: z.enum(['exposed', 'forward', 'gateway', 'proxy']),
    place: text.describe('the exposed service, or where this host listens'),
    ...{ port, target: text, code: text, message: text },
  }),
);

export const TUNNEL_REPLIES = schemaOf<TunnelReplies>()(
  z.object({
    listExposed: z.object({ exposed: z.array(exposed), total: count }),
    expose: exposed,
    unexpose: exposed,
    listForwards: z.object({ forwards: z.array(forward), total: count }),
    forward,
    unforward: forward,
    gateway,
    startGateway: gateway,
    stopGateway: gateway,
    mapGateway: mapping,
    unmapGateway: z.object({ unmapped: text }),
    proxy,
    startProxy: proxy,
    stopProxy: proxy,
  }),
).shape;

export const TUNNEL_SUMMARIES = {
  listExposed: 'Services of this host that peers can use',
  expose: 'Offer a service of this host on a virtual port',
  unexpose: 'Offer it no more; ends what goes through it',
  listForwards: 'Ports of this host that lead to peers',
  forward: "Listen on this host for a peer's port",
  unforward: 'Listen no more; ends what goes through it',
  gateway: 'The gateway, and the addresses that stand for peers',
  startGateway: 'Start the gateway, and map nodes',
  stopGateway: 'Stop it; its mappings are forgotten',
  mapGateway: 'Give a peer an address of this host',
  unmapGateway: 'Take it back',
  proxy: 'The HTTP and SOCKS5 proxy by hostname',
  startProxy: 'Start the proxy',
  stopProxy: 'Stop it',
} as const satisfies Record<keyof typeof TUNNEL_ROUTES, string>;
