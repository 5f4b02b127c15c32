import { defineCommand, required } from '../command.ts';

export const gatewayUnmap = defineCommand({
  args: { localIp: required('the address that stands for a node') },
  options: {},
  returns: 'unmapped',
  async run({ args, client, signal }) {
    const data = await client.tunnels.unmapGateway({ local_ip: args.localIp }, { signal });
    return { data, text: `no longer mapped: ${data.unmapped}` };
  },
});
