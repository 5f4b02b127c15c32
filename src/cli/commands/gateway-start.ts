import { any, defineCommand } from '../command.ts';
import { text } from '../option.ts';
import { columns } from '../output.ts';
import { mappingRow, readPorts } from '../tunnel-text.ts';

export const gatewayStart = defineCommand({
  args: { targets: any('nodes to map at once') },
  options: {
    subnet: text('CIDR', 'addresses to give out (default 127.4.0.0/16)'),
    ports: text('PORTS', 'which ports (default 80,443,1000,1001,1002,7,8080,8443)'),
  },
  returns:
    'running, pid, subnet, ports[], mappings[{local_ip, pilot_addr, ports, failed[{port, reason}], connections, id, node_id, address, hostname}], total',
  details:
    'A part of the daemon: it runs on after this command, and after a restart. Linux has all of 127.0.0.0/8; addresses of another subnet have to be given to this host first. Ports below 1024 need the right to listen there.',
  async run({ args, client, options, signal }) {
    const request = {
      ...(options.subnet !== undefined && { subnet: options.subnet }),
      ...(options.ports !== undefined && { ports: readPorts(options.ports, '--ports') }),
      targets: args.targets,
    };
    const data = await client.tunnels.startGateway(request, { signal });
    const rows = columns(data.mappings.map(mappingRow));
    return { data, text: [`gateway on ${data.subnet}`, rows].filter(Boolean).join('\n') };
  },
});
