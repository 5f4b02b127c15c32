import { defineCommand, required } from '../command.ts';
import { toggle } from '../option.ts';
import { readListen } from '../tunnel-text.ts';

export const unforward = defineCommand({
  args: { listen: required('where it listens: a port of 127.0.0.1, or ADDRESS:PORT') },
  options: { udp: toggle('UDP instead of TCP') },
  returns: 'listen, protocol, target{}, port, connections, listening, error, warning',
  details: 'Ends the connections that go through it.',
  async run({ args, client, options, signal }) {
    const listen = readListen(args.listen);
    const data = await client.tunnels.unforward({ listen, udp: options.udp }, { signal });
    return { data, text: `no longer forwarded: ${data.protocol} ${data.listen}` };
  },
});
