import { formatDuration } from '../../base/duration.ts';
import type { Info, RelayView } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { columns, fields } from '../output.ts';

export const info = defineCommand({
  args: {},
  options: {},
  returns:
    'id, node_id, address, hostname, public_key, version, pid, uptime_secs, relays[], peer_list[], peers, connections, bytes_sent, bytes_recv, pkts_sent, pkts_recv, encrypted_peers, authenticated_peers, handshake_pending_count, relay_peer_count, outbox_count, inbox_count, inbox_unread, socket, log_file, warnings[]',
  async run({ client, signal }) {
    const data = await client.info({ signal });
    return { data, text: textOf(data) };
  },
});

function textOf(node: Info): string {
  const about = fields([
    ['Node ID', node.id],
    ['address', node.address],
    ['node number', node.node_id],
    ['hostname', node.hostname],
    [
      'daemon',
      `${node.version}, process ${node.pid}, up ${formatDuration(node.uptime_secs * 1000)}`,
    ],
    [
      'peers',
      `${node.peers}, ${node.encrypted_peers} connected, ${node.relay_peer_count} over a relay`,
    ],
    ['requests', `${node.handshake_pending_count} to approve (pilotctl pending)`],
    ['inbox', `${node.inbox_count} messages, ${node.inbox_unread} unread`],
    ['outbox', `${node.outbox_count} messages`],
    ['traffic', `${node.bytes_sent} bytes sent, ${node.bytes_recv} received`],
    ['socket', node.socket],
    ['log', node.log_file],
  ]);
  const warnings = node.warnings.map((warning) => `warning: ${warning}\n`).join('');
  return `${warnings}${about}\n\n${relaysText(node.relays)}`;
}

/** One line for each relay: where it is and how it goes. */
export function relaysText(relays: readonly RelayView[]): string {
  if (relays.length === 0) {
    return 'no relay is configured: pilotctl init --relay URL, then start the daemon again';
  }
  return columns(
    relays.map(({ url, state, rtt_ms: rttMs, reason }) => [
      'relay',
      url,
      state,
      rttMs === null ? reason : `${rttMs.toFixed(1)} ms`,
    ]),
  );
}
