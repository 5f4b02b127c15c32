import { formatDuration } from '../../base/duration.ts';
import { defineCommand } from '../command.ts';
import { fields } from '../output.ts';

export const health = defineCommand({
  args: {},
  options: {},
  returns:
    'status (ok, degraded), uptime_seconds, connections, peers, bytes_sent, bytes_recv, encrypted_peers, authenticated_peers, handshake_pending_count, relay_peer_count, path_alarms{no_direct_path, slow_path}',
  details: 'degraded: the daemon runs, but no relay is online.',
  async run({ client, signal }) {
    const data = await client.health({ signal });
    const { no_direct_path: missing, slow_path: slow } = data.path_alarms;
    const alarms = [
      ...(missing > 0 ? [`no direct path to ${missing} of the peers`] : []),
      ...(slow > 0 ? [`a slow path to ${slow} of them`] : []),
    ];
    const text = fields([
      ['status', data.status === 'ok' ? 'ok' : 'degraded: no relay is online'],
      ['up', formatDuration(data.uptime_seconds * 1000)],
      ['peers', `${data.peers}, ${data.encrypted_peers} connected`],
      ['alarms', alarms.join(', ')],
      ['traffic', `${data.bytes_sent} bytes sent, ${data.bytes_recv} received`],
    ]);
    return { data, text };
  },
});
