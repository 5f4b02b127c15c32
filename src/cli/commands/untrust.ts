import { defineCommand, target } from '../command.ts';
import { nodeText } from '../node-text.ts';

export const untrust = defineCommand({
  args: { target },
  options: {},
  returns: 'status (revoked), node_id, id, address, hostname',
  async run({ args, client, signal, wait }) {
    const data = await wait(`revoking ${args.target}`, client.untrust(args.target, { signal }));
    return { data, text: `not trusted any more: ${nodeText(data)}` };
  },
});
