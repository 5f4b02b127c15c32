import { defineCommand, required } from '../command.ts';
import { nodeFields } from '../node-text.ts';

export const find = defineCommand({
  args: { hostname: required('the hostname to look for') },
  options: {},
  returns: 'hostname, node_id, address, public, id, trusted, online, public_key, relays',
  async run({ args, client, signal, wait }) {
    const data = await wait(
      `looking for ${args.hostname}`,
      client.resolve(args.hostname, { signal }),
    );
    return { data, text: nodeFields(data) };
  },
});
