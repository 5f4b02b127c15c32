import { defineCommand, required } from '../command.ts';

export const setHostname = defineCommand({
  args: { hostname: required('1 to 63 of lowercase letters, digits and inner hyphens') },
  options: {},
  returns: 'hostname, node_id, published',
  async run({ args, client, signal, wait }) {
    const data = await wait('publishing the name', client.setHostname(args.hostname, { signal }));
    const state = data.published ? '' : ' (kept; no relay has confirmed it yet)';
    return { data, text: `this node is called ${data.hostname}${state}` };
  },
});
