import type { IdentityView, PreferDirectReply, ROUTES } from '../../src/client/api.ts';
import type { FakeHandler } from '../client/fake-daemon.ts';
import { NETCHECK } from '../client/fake-netcheck.ts';
import { ALICE, BOB, BOB_AS_PEER, incoming, INFO, outgoing } from '../client/fake-nodes.ts';

export type RouteName = keyof typeof ROUTES;

const RESOLVED = {
  ...BOB,
  public: false,
  trusted: true,
  online: true,
  public_key: 'AAAA',
  relays: ['ws://r'],
  tags: ['gpu'],
};
export const PENDING = {
  ...BOB,
  public_key: 'AAAA',
  justification: 'hi\u001b[31m\nthere',
  received_at: 1_767_225_600,
};
export const TRUSTED = {
  ...BOB,
  public_key: 'AAAA',
  approved_at: 1_767_225_600,
  mutual: true,
  network: 0,
};
const IDENTITY: IdentityView = {
  ...{ ...ALICE, public_key: 'AAAA', created: '2026-01-01T00:00:00.000Z' },
  ...{ key_path: '/home/identity.json', rotations: 0 },
};
const HEALTH = {
  ...{ status: 'ok', uptime_seconds: 61, connections: 0, peers: 1, bytes_sent: 1, bytes_recv: 2 },
  ...{
    encrypted_peers: 1,
    authenticated_peers: 1,
    handshake_pending_count: 0,
    relay_peer_count: 1,
    path_alarms: { no_direct_path: 1, slow_path: 0 },
  },
};

export interface Case {
  readonly command: string;
  readonly argv: readonly string[];
  readonly routes: Partial<Record<RouteName, FakeHandler>>;
  /** Members of `data` that pilotctl interface 1.6 names. */
  readonly reference: readonly string[];
  /** Members of `data` that are ours. */
  readonly ours: readonly string[];
  readonly text: string | RegExp;
}

export const PREFERRED: PreferDirectReply = {
  ...BOB,
  ...{ path: 'direct', endpoint: '203.0.113.10:4000', rtt_ms: 1.5, why_not_direct: '' },
  ...{ had_tunnel: true, was_relay_active: true },
};

const NAMES = ['id', 'address', 'hostname'];

/** Every command that talks to the daemon. */
export const CASES: readonly Case[] = [
  {
    ...{ command: 'info', argv: ['info'], routes: { info: () => INFO } },
    reference: [
      ...['node_id', 'address', 'hostname', 'public_key', 'uptime_secs', 'peers', 'connections'],
      ...['bytes_sent', 'bytes_recv', 'pkts_sent', 'pkts_recv', 'encrypted_peers'],
      ...['authenticated_peers', 'ports', 'encrypt', 'identity', 'owner', 'version'],
      ...['handshake_pending_count', 'relay_peer_count', 'peer_list', 'conn_list'],
    ],
    ours: [
      'id',
      'pid',
      'outbox_count',
      'inbox_count',
      'inbox_unread',
      'relays',
      'socket',
      'log_file',
      'warnings',
    ],
    text: /Node ID +pilot1q+\n.*address +0:0000.0012.D687\n.*up 1 h 1 m.*ws:\/\/127.0.0.1:7443 +online +0.4 ms/s,
  },
  {
    ...{ command: 'health', argv: ['health'], routes: { health: () => HEALTH } },
    reference: Object.keys(HEALTH).filter((name) => name !== 'path_alarms'),
    ours: ['path_alarms'],
    text: /status +ok\nup +1 m 1 s\n[^]*alarms +no direct path to 1 of the peers\n/,
  },
  {
    ...{
      command: 'identity show',
      argv: ['identity', 'show'],
      routes: { identity: () => IDENTITY },
    },
    reference: [],
    ours: [
      'id',
      'address',
      'node_id',
      'public_key',
      'created',
      'key_path',
      'hostname',
      'rotations',
    ],
    text: `${ALICE.id}\n`,
  },
  {
    ...{ command: 'set-hostname', argv: ['set-hostname', 'alice'] },
    routes: { setHostname: () => ({ hostname: 'alice', node_id: 1, published: false }) },
    reference: ['hostname', 'node_id'],
    ours: ['published'],
    text: 'this node is called alice (kept; no relay has confirmed it yet)\n',
  },
  {
    ...{ command: 'clear-hostname', argv: ['clear-hostname'] },
    routes: { clearHostname: () => ({ hostname: '', node_id: 1, published: true }) },
    reference: ['hostname', 'node_id'],
    ours: ['published'],
    text: 'this node has no hostname\n',
  },
  {
    ...{ command: 'find', argv: ['find', 'bob'], routes: { resolve: () => RESOLVED } },
    reference: ['hostname', 'node_id', 'address', 'public'],
    ours: ['id', 'trusted', 'online', 'public_key', 'relays', 'tags'],
    text: /Node ID +pilot1p+\naddress +0:0000.0074.CBB1\n.*trusted +yes\nonline +yes\n.*tags +gpu\n/s,
  },
  {
    ...{ command: 'lookup', argv: ['lookup', BOB.address], routes: { resolve: () => RESOLVED } },
    reference: ['node_id', 'address', 'public_key', 'public', 'hostname'],
    ours: ['id', 'trusted', 'online', 'relays', 'tags'],
    text: /hostname +bob/,
  },
  {
    ...{ command: 'handshake', argv: ['handshake', 'bob', 'let us talk'] },
    routes: {
      requestTrust: ({ body }) => ({
        ...BOB,
        status:
          body['justification'] === 'let us talk' && body['wait_ms'] === 5000
            ? 'trusted'
            : 'pending',
      }),
    },
    reference: ['status', 'node_id'],
    ours: NAMES,
    text: `trusted: bob (${BOB.address})\n${BOB.id}\n`,
  },
  {
    ...{
      command: 'pending',
      argv: ['pending'],
      routes: { pendingTrust: () => ({ pending: [PENDING] }) },
    },
    reference: ['pending'],
    ours: [],
    text: /^0:0000.0074.CBB1 {2}bob {2}2026-01-01T00:00:00.000Z {2}pilot1p+ {2}hi\\u001b\[31m\\nthere\n$/,
  },
  {
    ...{ command: 'approve', argv: ['approve', 'bob'] },
    routes: { approveTrust: () => ({ ...BOB, status: 'approved' }) },
    reference: ['status', 'node_id'],
    ours: NAMES,
    text: `approved: bob (${BOB.address})\n${BOB.id}\n`,
  },
  {
    ...{ command: 'reject', argv: ['reject', 'bob', 'no'] },
    routes: {
      rejectTrust: ({ body }) => ({
        ...BOB,
        status: body['reason'] === 'no' ? 'rejected' : 'approved',
      }),
    },
    reference: ['status', 'node_id'],
    ours: NAMES,
    text: `rejected: bob (${BOB.address})\n`,
  },
  {
    ...{ command: 'untrust', argv: ['untrust', 'bob'] },
    routes: { revokeTrust: () => ({ ...BOB, status: 'revoked' }) },
    reference: ['node_id'],
    ours: ['status', ...NAMES],
    text: `not trusted any more: bob (${BOB.address})\n`,
  },
  {
    ...{ command: 'trust', argv: ['trust'] },
    routes: { listTrust: () => ({ trusted: [TRUSTED], total: 1 }) },
    reference: ['trusted', 'total'],
    ours: [],
    text: `${BOB.address}  bob  mutual  ${BOB.id}\n`,
  },
  {
    ...{ command: 'peers', argv: ['peers'] },
    routes: { peers: () => ({ peers: [BOB_AS_PEER], total: 1 }) },
    reference: ['peers', 'total', 'encrypted'],
    ours: [],
    text: `${BOB.address}  bob  connected  relay  1.5 ms    ws://127.0.0.1:7443  since 2026-01-01T00:00:01.000Z  not direct: no check was answered\n`,
  },
  {
    ...{ command: 'prefer-direct', argv: ['prefer-direct', 'bob'] },
    routes: { preferDirect: () => PREFERRED },
    reference: ['node_id', 'had_tunnel', 'was_relay_active'],
    ours: [...NAMES, 'path', 'endpoint', 'rtt_ms', 'why_not_direct'],
    text: `direct: bob (${BOB.address}) at 203.0.113.10:4000, 1.5 ms\n`,
  },
  {
    ...{ command: 'netcheck', argv: ['netcheck'], routes: { netcheck: () => NETCHECK } },
    reference: [],
    ours: Object.keys(NETCHECK),
    text: /^Direct to most peers: .*\n\nUDP +yes\nIPv4 +10\.1\.0\.2; seen as 203\.0\.113\.10:4000; .*relay +ws:\/\/relay\.example:7443\/ +online +11\.5 ms +nearest\n/s,
  },
  {
    ...{ command: 'received', argv: ['received'] },
    routes: {
      listReceived: () => ({
        files: [
          {
            name: 'a\nb.bin',
            bytes: 1500,
            modified: '2026-01-01T00:00:00.000Z',
            path: '/r/a\nb.bin',
          },
        ],
        ...{ total: 3, shown: 1, dir: '/r' },
      }),
    },
    reference: ['files', 'total', 'dir', 'shown'],
    ours: [],
    text: '2026-01-01T00:00:00Z  1.5 kB  a\\nb.bin\nin /r, and 2 older: --limit N\n',
  },
  {
    ...{ command: 'ping', argv: ['ping', 'bob', '--count', '1'] },
    routes: { ping: () => ({ ...BOB, rtt_ms: 1.234, path: 'relay' }) },
    reference: ['target', 'results', 'timeout'],
    ours: [],
    text: `seq 0: bob (${BOB.address}) 1.23 ms (relay)\n1 of 1 answered: least 1.23, average 1.23, most 1.23 ms\n`,
  },
  {
    ...{ command: 'send-message', argv: ['send-message', 'bob', '--data', 'hello'] },
    routes: { sendMessage: () => outgoing('m1') },
    reference: ['target', 'to', 'type', 'seq', 'bytes', 'ack', 'message_id', 'reply_to'],
    ours: ['to_id', 'correlation_id', 'status'],
    text: `delivered to bob (${BOB.address}): 5 bytes, message m1\n`,
  },
  ...(['inbox', 'inbox list'] as const).map((command) => ({
    ...{ command, argv: command.split(' ') },
    routes: {
      listInbox: () => ({
        messages: [incoming('m1', { preview: 'hel\u001b\nlo' })],
        total: 3,
        shown: 1,
      }),
    },
    reference: ['messages', 'total', 'shown', 'dir'],
    ours: [],
    text: `*  2026-01-01T00:00:01Z  bob (${BOB.address})  text  5 B  m1  hel\\u001b\\nlo\nand 2 older: --limit N\n`,
  })),
  {
    ...{ command: 'inbox read', argv: ['inbox', 'read', 'm1'] },
    routes: { readInbox: () => incoming('m1', { data: 'hello' }) },
    reference: ['id', 'from', 'received_at', 'type', 'bytes', 'data', 'message_id', 'reply_to'],
    ours: ['from_id', 'from_node_id', 'from_hostname', 'correlation_id', 'sent_at', 'read'],
    text: 'hello',
  },
  ...(['outbox', 'outbox list'] as const).map((command) => ({
    ...{ command, argv: command.split(' ') },
    routes: {
      listOutbox: () => ({
        messages: [outgoing('m1', { status: 'queued', reason: 'no relay' })],
        total: 1,
      }),
    },
    reference: [],
    ours: ['messages', 'total'],
    text: `m1  bob (${BOB.address})  text  5 B  queued  no relay\n`,
  })),
  ...(['retry', 'drop'] as const).map((verb) => ({
    ...{ command: `outbox ${verb}`, argv: ['outbox', verb, 'm1'] },
    routes: { [`${verb}Outbox`]: () => outgoing('m1', { status: 'dead', reason: 'dropped' }) },
    reference: [],
    ours: [
      ...'message_id correlation_id to to_id to_node_id to_hostname type bytes'.split(' '),
      ...['status', 'reason', 'attempts', 'reply_to', 'created_at', 'expires_at'],
    ],
    text: 'm1: dead (dropped)\n',
  })),
  {
    ...{ command: 'config show', argv: ['config', 'show', '--running', '--origin'] },
    routes: {
      config: () => ({
        entries: [{ key: 'a.b', value: ['x', 'y'], origin: 'flag' }],
        config_path: '/c',
      }),
    },
    reference: [],
    ours: ['entries', 'config_path'],
    text: 'a.b  flag  x,y\n',
  },
];
