/**
 * Info, Health, RotateKey, PreferDirect (pilotctl interface 2.4). The original pilotctl takes every number for
 * granted and ends with a panic where one is missing: all of them are here, zero where there is no such thing.
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { healthOf, type HostFacts, infoOf } from '../api/host-view.ts';
import type { NodeApi } from '../node/node-api.ts';
import { fitting } from './fitting.ts';
import { type IpcCommand, jsonReply } from './ipc-command.ts';
import { IpcError } from './ipc-error.ts';
import { COMMAND } from './ipc-frame.ts';

export interface InfoDeps {
  readonly node: NodeApi;
  readonly host: HostFacts;
  /** Gives the identity a new key now. */
  readonly rotateKey: () => void;
}

/** Of those that an original daemon names, what this one can do as well: 39 answers. */
const FEATURES = ['dgram_confirm'];

export function infoCommands(deps: InfoDeps): (readonly [number, IpcCommand])[] {
  const { node, host, rotateKey } = deps;
  return [
    [COMMAND.info, { operation: 'info', reply: 0x0e, run: () => jsonReply(infoReply(deps)) }],
    [
      COMMAND.health,
      { operation: 'health', reply: 0x22, run: () => jsonReply(healthReply(node, host)) },
    ],
    [
      COMMAND.rotateKey,
      {
        operation: 'rotate_key',
        reply: 0x26,
        run: () => {
          rotateKey();
          const { node_id, address } = node.names();
          const names = { node_id, address, public_key: host.publicKey() };
          return jsonReply({ type: 'rotate_key_ok', ...names });
        },
      },
    ],
    [
      COMMAND.preferDirect,
      {
        operation: 'prefer_direct',
        reply: 0x2e,
        run: async (payload, signal) => {
          if (payload.length < 4) throw new IpcError('prefer_direct: missing node_id');
          const node_id = new ByteReader(payload).u32();
          const found = await node.preferDirect({ target: String(node_id) }, signal);
          const { had_tunnel, was_relay_active } = found;
          const never = { was_relay_pinned: false, pila_pushed: false, resolve_error: '' };
          return jsonReply({ node_id, had_tunnel, was_relay_active, ...never });
        },
      },
    ],
  ];
}

function infoReply({ node, host }: InfoDeps): object {
  const info = infoOf(node, host);
  const { node_id, address, hostname, public_key, uptime_secs, version } = info;
  const rows = info.conn_list.map(connectionRow);
  const peers = info.peer_list.map((peer) => ({
    ...{ node_id: peer.node_id, endpoint: peer.endpoint, relay: peer.relay },
    ...{ encrypted: peer.encrypted, authenticated: peer.authenticated },
  }));
  return {
    ...{ node_id, address, hostname, public_key, version },
    ...{ owner: '', email: '', endpoint: '', motd: '', networks: [], transport: 'udp' },
    ...{ encrypt: true, identity: true, features: FEATURES },
    ...{ uptime_secs, connections: node.ports.openCount, ports: node.ports.listenerCount },
    ...{ peers: info.peers, encrypted_peers: info.encrypted_peers },
    authenticated_peers: info.authenticated_peers,
    ...{ bytes_sent: info.bytes_sent, bytes_recv: info.bytes_recv },
    ...{ pkts_sent: info.pkts_sent, pkts_recv: info.pkts_recv },
    ...{ tunnel_encryption_success: info.encrypted_peers, tunnel_encryption_failure: 0 },
    ...sharedNumbers(info),
    ...fitting('peer_list', peers),
    ...fitting('conn_list', rows),
  };
}

function healthReply(node: NodeApi, host: HostFacts): object {
  const health = healthOf(node, host);
  const { uptime_seconds, peers, bytes_sent, bytes_recv } = health;
  const { encrypted_peers, authenticated_peers } = health;
  return {
    status: 'ok',
    ...{ uptime_seconds, connections: node.ports.openCount, peers, bytes_sent, bytes_recv },
    ...{ encrypted_peers, authenticated_peers },
    ...sharedNumbers(health),
  };
}

function sharedNumbers(counted: {
  readonly handshake_pending_count: number;
  readonly relay_peer_count: number;
}): object {
  const { handshake_pending_count, relay_peer_count } = counted;
  return {
    ...{ handshake_pending_count, relay_peer_count, beacon_addr: '' },
    ...{ accept_queue_drops: 0, webhook_queue_dropped: 0, webhook_circuit_skips: 0 },
  };
}

interface ConnectionRow {
  readonly id: number;
  readonly local_port: number;
  readonly remote_addr: string;
  readonly remote_port: number;
  readonly state: string;
  readonly bytes_sent: number;
  readonly bytes_recv: number;
}

/** Its session keeps no books for a single stream beside its bytes. */
function connectionRow(connection: ConnectionRow): object {
  const { id, local_port, remote_addr, remote_port, state, bytes_sent, bytes_recv } = connection;
  return {
    ...{ id, local_port, remote_addr, remote_port, state, bytes_sent, bytes_recv },
    ...{ cong_win: 0, ssthresh: 0, in_flight: 0, srtt_ms: 0, rttvar_ms: 0, unacked: 0 },
    ...{ ooo_buf: 0, peer_recv_win: 0, recv_win: 0, in_recovery: false },
    ...{ segs_sent: 0, segs_recv: 0, retransmits: 0, fast_retx: 0 },
    ...{ sack_recv: 0, sack_sent: 0, dup_acks: 0 },
  };
}
