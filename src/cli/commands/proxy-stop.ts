import { defineCommand } from '../command.ts';

export const proxyStop = defineCommand({
  args: {},
  options: {},
  returns: 'running, listen, connections, error, warning: as they were',
  details: 'Ends the connections that go through it. The daemon runs on.',
  async run({ client, signal }) {
    const data = await client.tunnels.stopProxy({ signal });
    return { data, text: `the proxy on ${data.listen} is stopped` };
  },
});
