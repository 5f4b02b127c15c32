import type { Netcheck, NetcheckFamily } from '../../src/client/api.ts';

/** A family that this host does not have. */
export const NO_FAMILY: NetcheckFamily = {
  ...{ available: false, addresses: [], udp: null, mapped: '', behind_nat: null },
  ...{ mapping: 'unknown', filtering: 'unknown' },
  ...{ port_kept: null, port_step: null, hairpin: null },
};

/** Behind a router at home, by IPv4. */
export const AT_HOME: NetcheckFamily = {
  ...{ available: true, addresses: ['10.1.0.2'], udp: true },
  ...{ mapped: '203.0.113.10:4000', behind_nat: true },
  ...{ mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' },
  ...{ port_kept: true, port_step: null, hairpin: false },
};

export const NETCHECK: Netcheck = {
  verdict: 'mostly_direct',
  expect: ['Direct to most peers: the NAT has one outer port for all.'],
  warnings: [],
  ...{ nat_traversal: 'required', relay_fallback: true, udp: true },
  ...{ ipv4: AT_HOME, ipv6: NO_FAMILY },
  stun_servers: [
    {
      ...{ name: 'stun.example:3478', address: '192.0.2.1:3478', outcome: 'answered' },
      ...{ mapped: '203.0.113.10:4000', rtt_ms: 12.345 },
    },
  ],
  port_mapping: {
    ...{ status: 'none', protocol: '', external: '' },
    failures: [{ protocol: 'pcp', reason: 'no answer within 1500 ms' }],
  },
  relays: [
    {
      ...{ url: 'ws://relay.example:7443/', online: true, outcome: 'ok', detail: '' },
      ...{ address: '192.0.2.2:7443', connect_ms: 10, rtt_ms: 11.5, via: '' },
    },
  ],
  nearest_relay: 'ws://relay.example:7443/',
  ...{ captive_portal: false, http_proxies: [], duration_ms: 2345.678 },
};
