import type { ExposedService, Forward, GatewayMapping, GatewayView } from '../../src/client/api.ts';
import { BOB } from '../client/fake-nodes.ts';
import type { Case } from './daemon-commands.ts';

const EXPOSED: ExposedService = {
  ...{ port: 5432, protocol: 'tcp', to: '127.0.0.1:5432', allow: [BOB], connections: 2 },
  error: 'down',
};
const FORWARD: Forward = {
  ...{ listen: '127.0.0.1:15432', protocol: 'tcp', target: BOB, port: 5432, connections: 1 },
  ...{ listening: true, error: '', warning: '' },
};
const MAPPING: GatewayMapping = {
  ...BOB,
  ...{ local_ip: '127.4.0.1', pilot_addr: BOB.address, ports: [1000, 8080], connections: 0 },
  failed: [{ port: 80, reason: 'in use' }],
};
const GATEWAY: GatewayView = {
  ...{ running: true, pid: 7, subnet: '127.4.0.0/16', ports: [80, 1000, 8080] },
  ...{ mappings: [MAPPING], total: 1 },
};
const PROXY = {
  ...{ running: true, listen: '127.0.0.1:1080', connections: 3, error: '', warning: '' },
};
const MAPPED = `127.4.0.1  bob (${BOB.address})  ports 1000, 8080  not 80: in use\n`;

/** Commands of tunnels, except `gateway start`, which takes any number of nodes; lists are in e2e/tunnels.test.ts. */
export const TUNNEL_CASES: readonly Case[] = [
  {
    ...{ command: 'expose', argv: ['expose', '5432', '--allow', 'bob'] },
    routes: { expose: () => EXPOSED },
    reference: [],
    ours: Object.keys(EXPOSED),
    text: `exposed: tcp 5432 to 127.0.0.1:5432 for bob (${BOB.address})\n`,
  },
  {
    ...{ command: 'unexpose', argv: ['unexpose', '5432'] },
    routes: { unexpose: () => EXPOSED },
    reference: [],
    ours: Object.keys(EXPOSED),
    text: 'no longer exposed: tcp 5432\n',
  },
  {
    ...{ command: 'forward', argv: ['forward', '15432', `${BOB.address}:5432`] },
    routes: { forward: () => FORWARD },
    reference: [],
    ours: Object.keys(FORWARD),
    text: `forwarded: tcp 127.0.0.1:15432 to bob (${BOB.address}) port 5432\n`,
  },
  {
    ...{ command: 'unforward', argv: ['unforward', '15432'] },
    routes: { unforward: () => FORWARD },
    reference: [],
    ours: Object.keys(FORWARD),
    text: 'no longer forwarded: tcp 127.0.0.1:15432\n',
  },
  {
    ...{ command: 'gateway stop', argv: ['gateway', 'stop'] },
    routes: { stopGateway: () => GATEWAY },
    reference: ['pid'],
    ours: ['running', 'subnet', 'ports', 'mappings', 'total'],
    text: 'the gateway is stopped, 1 mapped nodes are forgotten\n',
  },
  {
    ...{ command: 'gateway map', argv: ['gateway', 'map', 'bob', '127.4.0.1'] },
    routes: { mapGateway: () => MAPPING },
    reference: ['local_ip', 'pilot_addr'],
    ours: ['id', 'node_id', 'address', 'hostname', 'ports', 'failed', 'connections'],
    text: MAPPED,
  },
  {
    ...{ command: 'gateway unmap', argv: ['gateway', 'unmap', '127.4.0.1'] },
    routes: { unmapGateway: () => ({ unmapped: '127.4.0.1' }) },
    reference: ['unmapped'],
    ours: [],
    text: 'no longer mapped: 127.4.0.1\n',
  },
  {
    ...{ command: 'gateway list', argv: ['gateway', 'list'] },
    routes: { gateway: () => GATEWAY },
    reference: ['mappings', 'total'],
    ours: ['running', 'pid', 'subnet', 'ports'],
    text: MAPPED,
  },
  {
    ...{ command: 'proxy start', argv: ['proxy', 'start', '--listen', '1080'] },
    routes: { startProxy: () => PROXY },
    reference: [],
    ours: Object.keys(PROXY),
    text: 'proxy on 127.0.0.1:1080\n',
  },
  {
    ...{ command: 'proxy stop', argv: ['proxy', 'stop'] },
    routes: { stopProxy: () => PROXY },
    reference: [],
    ours: Object.keys(PROXY),
    text: 'the proxy on 127.0.0.1:1080 is stopped\n',
  },
  {
    ...{ command: 'proxy status', argv: ['proxy', 'status'] },
    routes: { proxy: () => PROXY },
    reference: [],
    ours: Object.keys(PROXY),
    text: 'proxy on 127.0.0.1:1080, 3 open\n',
  },
];
