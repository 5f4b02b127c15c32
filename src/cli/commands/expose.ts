import { PilotError } from '../../client/client.ts';
import { defineCommand, optional } from '../command.ts';
import { list, text, toggle } from '../option.ts';
import { columns } from '../output.ts';
import { readPort } from '../port-argument.ts';
import { exposedRow } from '../tunnel-text.ts';

export const expose = defineCommand({
  args: { port: optional('the virtual port that other nodes use') },
  options: {
    to: text('HOST:PORT', 'the service, as this host sees it (default 127.0.0.1 and the port)'),
    allow: list('TARGET', 'only this trusted node; may be repeated (default: every trusted node)'),
    udp: toggle('UDP instead of TCP'),
    list: toggle('list what is offered; also without a port'),
  },
  returns:
    'port, protocol, to, allow[{id, node_id, address, hostname}], connections, error; or exposed[], total',
  details:
    'Nothing is offered until you say so, and a node reaches only what is. It is offered again after a restart, until pilotctl unexpose.',
  async run({ args, client, options, signal }) {
    if (args.port === undefined || options.list) {
      if (args.port === undefined && options.to !== undefined) throw noPort();
      const exposed = await client.tunnels.exposed({ signal });
      const rows = columns(exposed.map(exposedRow));
      return { data: { exposed, total: exposed.length }, text: rows || 'nothing is exposed' };
    }
    const port = readPort(args.port, 'port');
    const request = {
      ...{ port, to: options.to ?? `127.0.0.1:${port}` },
      ...(options.allow.length > 0 && { allow: options.allow }),
      ...(options.udp && { udp: true }),
    };
    const data = await client.tunnels.expose(request, { signal });
    return { data, text: `exposed: ${exposedRow(data).slice(0, 3).join(' ')}` };
  },
});

function noPort(): PilotError {
  return new PilotError('invalid_argument', '--to without a port', {
    hint: 'pilotctl expose PORT --to HOST:PORT',
  });
}
