import type { PreferDirectReply } from '../../client/client.ts';
import { defineCommand, target } from '../command.ts';
import { nodeText } from '../node-text.ts';

export const preferDirect = defineCommand({
  args: { target },
  options: {},
  returns:
    'node_id, path, endpoint, rtt_ms, why_not_direct, had_tunnel, was_relay_active, id, address, hostname',
  details:
    'Waits up to 10 s. The search goes on afterwards: see the events path.opened and path.failed.',
  async run({ args, client, signal, wait }) {
    const data = await wait(
      `looking for a direct path to ${args.target}`,
      client.preferDirect(args.target, { signal }),
    );
    return { data, text: textOf(data) };
  },
});

function textOf(reply: PreferDirectReply): string {
  const rtt = reply.rtt_ms === null ? '' : `, ${reply.rtt_ms.toFixed(1)} ms`;
  if (reply.why_not_direct === '') {
    return `direct: ${nodeText(reply)} at ${reply.endpoint}${rtt}`;
  }
  const over = reply.path === '' ? 'nothing' : `${reply.endpoint}${rtt}`;
  return `not direct: ${nodeText(reply)} over ${over}\n${reply.why_not_direct}`;
}
