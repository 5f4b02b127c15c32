import { PilotError } from '../../client/client.ts';
import { defineCommand, optional } from '../command.ts';
import { toggle } from '../option.ts';
import { columns } from '../output.ts';
import { forwardRow, readDestination, readListen } from '../tunnel-text.ts';

export const forward = defineCommand({
  args: {
    listen: optional('where to listen: a port of 127.0.0.1, or ADDRESS:PORT'),
    destination: optional('TARGET:PORT, a node and its virtual port'),
  },
  options: {
    udp: toggle('UDP instead of TCP'),
    list: toggle('list what is forwarded; also without arguments'),
  },
  returns:
    'listen, protocol, target{id, node_id, address, hostname}, port, connections, listening, error, warning; or forwards[], total',
  details:
    'Every user of this host can connect there. It listens again after a restart, until pilotctl unforward. While the other node is away, connections are reset and the log says why.',
  async run({ args, client, notice, options, signal }) {
    if (args.listen === undefined || options.list) {
      const forwards = await client.tunnels.forwards({ signal });
      const rows = columns(forwards.map(forwardRow));
      return { data: { forwards, total: forwards.length }, text: rows || 'nothing is forwarded' };
    }
    if (args.destination === undefined) {
      throw new PilotError('invalid_argument', 'where does it lead?', {
        hint: 'pilotctl forward LISTEN TARGET:PORT',
      });
    }
    const request = {
      ...{ listen: readListen(args.listen), ...readDestination(args.destination) },
      ...(options.udp && { udp: true }),
    };
    const data = await client.tunnels.forward(request, { signal });
    if (data.warning !== '') notice(`warning: ${data.warning}`);
    return { data, text: `forwarded: ${forwardRow(data).slice(0, 2).join(' ')}` };
  },
});
