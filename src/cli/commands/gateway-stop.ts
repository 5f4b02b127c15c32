import { defineCommand } from '../command.ts';

export const gatewayStop = defineCommand({
  args: {},
  options: {},
  returns: 'running, pid, subnet, ports[], mappings[], total: as they were',
  details: 'Its mappings are forgotten, and the connections through them end. The daemon runs on.',
  async run({ client, signal }) {
    const data = await client.tunnels.stopGateway({ signal });
    return { data, text: `the gateway is stopped, ${data.total} mapped nodes are forgotten` };
  },
});
