import type { TrustRequestReply } from '../../client/client.ts';
import { defineCommand, optional, target } from '../command.ts';
import { nodeText } from '../node-text.ts';

/** How long the other side has to answer before we say `pending`. */
const ANSWER_MS = 5000;

export const handshake = defineCommand({
  args: { target, justification: optional('why, for whoever approves: at most 1,024 characters') },
  options: {},
  returns: 'status (trusted, pending), node_id, id, address, hostname',
  details:
    'Waits up to 5 s for the other side. Works toward a node that is offline: it is asked when it comes back.',
  async run({ args, client, signal, wait }) {
    const { justification } = args;
    const data = await wait(
      `waiting for ${args.target}`,
      client.handshake(args.target, {
        waitMs: ANSWER_MS,
        signal,
        ...(justification !== undefined && { justification }),
      }),
    );
    return { data, text: textOf(data) };
  },
});

function textOf(reply: TrustRequestReply): string {
  const node = `${nodeText(reply)}\n${reply.id}`;
  return reply.status === 'trusted'
    ? `trusted: ${node}`
    : `pending: ${node}\nit has been asked and has to agree, with: pilotctl approve <our node>`;
}
