import type { CommandEntry } from './command.ts';

/** TCP and UDP services through any NAT. */
export const TUNNEL_COMMANDS: readonly CommandEntry[] = [
  {
    name: 'expose',
    summary: 'offer a TCP or UDP service of this host to trusted nodes, or list what is offered',
    load: async () => (await import('./commands/expose.ts')).expose,
  },
  {
    name: 'unexpose',
    summary: 'offer it no more',
    load: async () => (await import('./commands/unexpose.ts')).unexpose,
  },
  {
    name: 'forward',
    summary: 'a port of this host that leads to a port of another node; or list them',
    load: async () => (await import('./commands/forward.ts')).forward,
  },
  {
    name: 'unforward',
    summary: 'end such a port',
    load: async () => (await import('./commands/unforward.ts')).unforward,
  },
  {
    name: 'gateway start',
    summary: 'give nodes addresses of this host, on the usual ports',
    load: async () => (await import('./commands/gateway-start.ts')).gatewayStart,
  },
  {
    name: 'gateway stop',
    summary: 'take them all back',
    load: async () => (await import('./commands/gateway-stop.ts')).gatewayStop,
  },
  {
    name: 'gateway map',
    summary: 'give one more node an address',
    load: async () => (await import('./commands/gateway-map.ts')).gatewayMap,
  },
  {
    name: 'gateway unmap',
    summary: 'take an address back',
    load: async () => (await import('./commands/gateway-unmap.ts')).gatewayUnmap,
  },
  {
    name: 'gateway list',
    summary: 'which address stands for which node',
    load: async () => (await import('./commands/gateway-list.ts')).gatewayList,
  },
  {
    name: 'proxy start',
    summary: 'an HTTP and SOCKS5 proxy: http://HOSTNAME.pilot:PORT/',
    load: async () => (await import('./commands/proxy-start.ts')).proxyStart,
  },
  {
    name: 'proxy stop',
    summary: 'end the proxy',
    load: async () => (await import('./commands/proxy-stop.ts')).proxyStop,
  },
  {
    name: 'proxy status',
    summary: 'whether the proxy runs, and where',
    load: async () => (await import('./commands/proxy-status.ts')).proxyStatus,
  },
];
