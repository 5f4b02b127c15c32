import type {
  IncomingMessage,
  Info,
  NodeNames,
  OutgoingMessage,
  PeerView,
} from '../../src/client/api.ts';

export const ALICE: NodeNames = {
  id: `pilot1${'q'.repeat(59)}`,
  node_id: 1_234_567,
  address: '0:0000.0012.D687',
  hostname: 'alice',
};

export const BOB: NodeNames = {
  id: `pilot1${'p'.repeat(59)}`,
  node_id: 7_654_321,
  address: '0:0000.0074.CBB1',
  hostname: 'bob',
};

export function incoming(id: string, fields: Partial<IncomingMessage> = {}): IncomingMessage {
  return {
    id,
    correlation_id: `c-${id}`,
    reply_to: '',
    from: BOB,
    type: 'text',
    bytes: 5,
    received_at: '2026-01-01T00:00:01.000Z',
    sent_at: '2026-01-01T00:00:00.000Z',
    read: false,
    ...fields,
  };
}

export function outgoing(id: string, fields: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    message_id: id,
    correlation_id: `c-${id}`,
    to: BOB,
    type: 'text',
    bytes: 5,
    status: 'delivered',
    reason: '',
    attempts: 0,
    reply_to: '',
    created_at: '2026-01-01T00:00:00.000Z',
    expires_at: '2026-01-08T00:00:00.000Z',
    ...fields,
  };
}

export const BOB_AS_PEER: PeerView = {
  ...BOB,
  state: 'connected',
  path: 'relay',
  endpoint: 'ws://127.0.0.1:7443',
  rtt_ms: 1.5,
  path_since: '2026-01-01T00:00:01.000Z',
  why_not_direct: 'no check was answered',
  alarms: [],
  since: '2026-01-01T00:00:00.000Z',
  encrypted: true,
  authenticated: true,
  relay: true,
  queued: 0,
};

export const INFO: Info = {
  ...ALICE,
  public_key: 'AAAA',
  version: '0.1.0',
  pid: 4242,
  uptime_secs: 3661,
  connections: 1,
  ports: 0,
  peers: 1,
  encrypted_peers: 1,
  authenticated_peers: 1,
  encrypt: true,
  identity: true,
  owner: '',
  bytes_sent: 2048,
  bytes_recv: 100,
  pkts_sent: 20,
  pkts_recv: 10,
  handshake_pending_count: 2,
  relay_peer_count: 1,
  outbox_count: 0,
  inbox_count: 3,
  inbox_unread: 1,
  relays: [
    {
      url: 'ws://127.0.0.1:7443',
      state: 'online',
      relay_id: `pilot1${'z'.repeat(59)}`,
      rtt_ms: 0.4,
      since: '2026-01-01T00:00:00.000Z',
      reason: '',
    },
  ],
  peer_list: [BOB_AS_PEER],
  conn_list: [],
  socket: '/tmp/pilotd.sock',
  log_file: '/tmp/pilot.log',
  warnings: [],
};
