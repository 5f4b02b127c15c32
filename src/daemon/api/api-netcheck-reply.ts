import * as z from 'zod';

import type { Netcheck } from '../../client/api.ts';
import { schemaOf } from './api-schemas.ts';

/** What `netcheck` answers: see `api-replies.ts`. */

const text = z.string();
const ms = z.number().min(0).nullable();
const dependence = z.enum([
  ...(['endpoint-independent', 'address-dependent'] as const),
  ...(['address-and-port-dependent', 'unknown'] as const),
]);

const family = z.object({
  available: z.boolean(),
  addresses: z.array(text),
  udp: z.boolean().nullable().describe('a STUN server answered; null: none was asked'),
  mapped: text.describe('the outer address and port; empty when not known'),
  behind_nat: z.boolean().nullable(),
  mapping: dependence.describe('of what the outer port depends (RFC 4787)'),
  filtering: dependence.describe('who may answer through a mapping'),
  port_kept: z.boolean().nullable(),
  port_step: z.int().nullable().describe('from one mapping to the next'),
  hairpin: z.boolean().nullable(),
});

const stunServer = z.object({
  name: text,
  address: text,
  outcome: z.enum([
    ...(['answered', 'no_answer', 'refused', 'unusable'] as const),
    ...(['contradicted', 'not_resolved'] as const),
  ]),
  mapped: text.describe('what it called our address and port'),
  rtt_ms: ms,
});

const relay = z.object({
  url: text,
  online: z.boolean().describe('the daemon is logged in there'),
  outcome: z.enum([
    ...(['ok', 'draining', 'other', 'redirect', 'certificate'] as const),
    ...(['refused', 'dns', 'unreachable', 'timeout', 'lost'] as const),
  ]),
  detail: text,
  address: text,
  connect_ms: ms,
  rtt_ms: ms,
  via: text.describe('HTTP proxies that the answer names'),
});

export const netcheck = schemaOf<Netcheck>()(
  z.object({
    verdict: z.enum([
      ...(['direct', 'mostly_direct', 'hard_nat', 'ipv6_direct'] as const),
      ...(['relay_only', 'no_relay', 'unknown'] as const),
    ]),
    expect: z.array(text).describe('in words; the first sentence is the sum of it'),
    warnings: z.array(text),
    nat_traversal: z.enum(['required', 'preferred', 'off']),
    relay_fallback: z.boolean(),
    udp: z.boolean().nullable(),
    ipv4: family,
    ipv6: family,
    stun_servers: z.array(stunServer),
    port_mapping: z.object({
      status: z.enum(['mapped', 'none', 'not_needed', 'not_asked']),
      protocol: text,
      external: text.describe('given back already'),
      failures: z.array(z.object({ protocol: text, reason: text })),
    }),
    relays: z.array(relay),
    nearest_relay: text,
    captive_portal: z.boolean().nullable(),
    http_proxies: z.array(z.object({ variable: text, proxy: text })),
    duration_ms: z.number().min(0),
  }),
);
