import type { ConnectionView } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { columns } from '../output.ts';

export const connections = defineCommand({
  args: {},
  options: {},
  returns:
    'connections[{id, local_port, remote_addr, remote_port, state, bytes_sent, bytes_recv, remote_id, remote_hostname, direction}], total',
  details: 'Streams of all programs and services. One of them ends with: pilotctl disconnect <id>',
  async run({ client, signal }) {
    const data = await client.connections({ signal });
    return { data, text: textOf(data.connections) };
  },
});

function textOf(open: readonly ConnectionView[]): string {
  if (open.length === 0) return 'no connections';
  return columns(
    open.map((one) => [
      String(one.id),
      one.direction === 'outgoing' ? 'to' : 'from',
      one.remote_hostname === '' ? one.remote_addr : `${one.remote_hostname} (${one.remote_addr})`,
      `port ${one.direction === 'outgoing' ? one.remote_port : one.local_port}`,
      one.state,
      `${one.bytes_sent} B sent`,
      `${one.bytes_recv} B received`,
    ]),
  );
}
