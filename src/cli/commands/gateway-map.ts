import { defineCommand, optional, target } from '../command.ts';
import { mappingRow } from '../tunnel-text.ts';

export const gatewayMap = defineCommand({
  args: { target, localIp: optional('an address of the subnet (default: the first that is free)') },
  options: {},
  returns:
    'local_ip, pilot_addr, ports[], failed[{port, reason}], connections, id, node_id, address, hostname',
  async run({ args, client, signal }) {
    const request = {
      target: args.target,
      ...(args.localIp !== undefined && { local_ip: args.localIp }),
    };
    const data = await client.tunnels.mapGateway(request, { signal });
    return { data, text: mappingRow(data).filter(Boolean).join('  ') };
  },
});
