import type {
  ConfigList,
  Health,
  IdentityView,
  Info,
  Netcheck,
  NetcheckRequest,
  PeerView,
} from '../../client/api.ts';
import type { ReceivedView } from '../files/received-view.ts';
import type { NodeApi, NodeCounters } from '../node/node-api.ts';
import type { NodeTopics } from '../topics/topics.ts';
import type { TunnelCalls } from '../tunnels/tunnels.ts';
import { connectionsOf } from './connection-views.ts';

/** What the local API tells about the process, its home and its network, which the node does not know. */
export interface HostFacts {
  readonly version: string;
  readonly pid: number;
  readonly socketPath: string;
  readonly logFile: string;
  readonly keyFile: string;
  uptimeMs(): number;
  /** Base64 of the current public key. */
  publicKey(): string;
  keyCreatedMs(): number;
  rotations(): number;
  settings(): ConfigList;
  /** Looks at the network of this host; `Netcheck.run`. */
  netcheck(request: NetcheckRequest, signal: AbortSignal): Promise<Netcheck>;
  /** Events by topic, of this node and of its peers. */
  readonly topics: NodeTopics;
  readonly tunnels: TunnelCalls;
  /** Files of other nodes. */
  readonly received: Pick<ReceivedView, 'list' | 'clear'>;
}

export function infoOf(node: NodeApi, host: HostFacts): Info {
  const counters = node.counters();
  const peers = node.peers();
  return {
    ...node.names(),
    ...trafficOf(node, counters, peers),
    public_key: host.publicKey(),
    version: host.version,
    pid: host.pid,
    uptime_secs: uptimeSeconds(host),
    ports: node.ports.listenerCount,
    encrypt: true,
    identity: true,
    owner: '',
    pkts_sent: counters.packetsSent,
    pkts_recv: counters.packetsReceived,
    outbox_count: counters.outboxMessages,
    inbox_count: counters.inboxMessages,
    inbox_unread: counters.inboxUnread,
    relays: node.relays(),
    peer_list: peers,
    conn_list: connectionsOf(node.ports).connections,
    socket: host.socketPath,
    log_file: host.logFile,
    warnings: node.warnings(),
  };
}

export function healthOf(node: NodeApi, host: HostFacts): Health {
  const online = node.relays().some((relay) => relay.state === 'online');
  const counters = node.counters();
  return {
    ...trafficOf(node, counters, node.peers()),
    status: online ? 'ok' : 'degraded',
    path_alarms: counters.pathAlarms,
    uptime_seconds: uptimeSeconds(host),
  };
}

export function identityOf(node: NodeApi, host: HostFacts): IdentityView {
  return {
    ...node.names(),
    public_key: host.publicKey(),
    created: new Date(host.keyCreatedMs()).toISOString(),
    key_path: host.keyFile,
    rotations: host.rotations(),
  };
}

/** The numbers that `info` and `health` share. `connections` are streams. */
function trafficOf(
  node: NodeApi,
  counters: NodeCounters,
  peers: readonly PeerView[],
): Omit<Health, 'status' | 'path_alarms' | 'uptime_seconds'> {
  return {
    connections: node.ports.openCount,
    peers: peers.length,
    encrypted_peers: peers.filter((peer) => peer.encrypted).length,
    authenticated_peers: peers.filter((peer) => peer.authenticated).length,
    bytes_sent: counters.bytesSent,
    bytes_recv: counters.bytesReceived,
    handshake_pending_count: counters.pendingTrust,
    relay_peer_count: peers.filter((peer) => peer.relay).length,
  };
}

function uptimeSeconds(host: HostFacts): number {
  return Math.floor(host.uptimeMs() / 1000);
}
