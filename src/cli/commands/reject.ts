import { defineCommand, optional, target } from '../command.ts';
import { nodeText } from '../node-text.ts';

export const reject = defineCommand({
  args: { target, reason: optional('why; the other side gets to see it') },
  options: {},
  returns: 'status (rejected), node_id, id, address, hostname',
  async run({ args, client, signal, wait }) {
    const { reason } = args;
    const data = await wait(
      `rejecting ${args.target}`,
      client.reject(args.target, { signal, ...(reason !== undefined && { reason }) }),
    );
    return { data, text: `rejected: ${nodeText(data)}` };
  },
});
