import { defineCommand, target } from '../command.ts';
import { nodeText } from '../node-text.ts';

export const approve = defineCommand({
  args: { target },
  options: {},
  returns: 'status (approved), node_id, id, address, hostname',
  async run({ args, client, signal, wait }) {
    const data = await wait(`approving ${args.target}`, client.approve(args.target, { signal }));
    return { data, text: `approved: ${nodeText(data)}\n${data.id}` };
  },
});
