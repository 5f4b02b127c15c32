import { defineCommand, required } from '../command.ts';
import { toggle } from '../option.ts';
import { readPort } from '../port-argument.ts';

export const unexpose = defineCommand({
  args: { port: required('the virtual port') },
  options: { udp: toggle('UDP instead of TCP') },
  returns: 'port, protocol, to, allow[], connections, error',
  details: 'Ends the connections that go through it.',
  async run({ args, client, options, signal }) {
    const port = readPort(args.port, 'port');
    const data = await client.tunnels.unexpose({ port, udp: options.udp }, { signal });
    return { data, text: `no longer exposed: ${data.protocol} ${data.port}` };
  },
});
