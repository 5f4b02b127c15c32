import { defineCommand } from '../command.ts';

export const clearHostname = defineCommand({
  args: {},
  options: {},
  returns: 'hostname, node_id, published',
  async run({ client, signal, wait }) {
    const data = await wait('taking the name back', client.clearHostname({ signal }));
    return { data, text: 'this node has no hostname' };
  },
});
