import { defineCommand } from '../command.ts';
import { columns } from '../output.ts';
import { mappingRow } from '../tunnel-text.ts';

export const gatewayList = defineCommand({
  args: {},
  options: {},
  returns:
    'running, pid, subnet, ports[], mappings[{local_ip, pilot_addr, ports, failed[{port, reason}], connections, id, node_id, address, hostname}], total',
  async run({ client, signal }) {
    const data = await client.tunnels.gateway({ signal });
    const none = data.running ? 'no node is mapped' : 'the gateway does not run';
    return { data, text: columns(data.mappings.map(mappingRow)) || none };
  },
});
