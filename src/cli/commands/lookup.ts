import { defineCommand, target } from '../command.ts';
import { nodeFields } from '../node-text.ts';

export const lookup = defineCommand({
  args: { target },
  options: {},
  returns: 'node_id, address, public_key, public, hostname, id, trusted, online, relays',
  async run({ args, client, signal, wait }) {
    const data = await wait(`looking up ${args.target}`, client.resolve(args.target, { signal }));
    return { data, text: nodeFields(data) };
  },
});
