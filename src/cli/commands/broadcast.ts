import { describeError } from '../../base/pilot-error.ts';
import {
  type NodeNames,
  type OutgoingMessage,
  type PilotClient,
  PilotError,
} from '../../client/client.ts';
import { defineCommand, required } from '../command.ts';
import { nodeText } from '../node-text.ts';
import { columns } from '../output.ts';

interface Sent {
  readonly node: NodeNames;
  readonly outcome: OutgoingMessage | PilotError;
}

/** How long to wait for receivers, or a relay, before we say `queued`. */
const CONFIRM_MS = 5000;
/** Sent at once; each waits for its receiver. */
const AT_ONCE = 64;

export const broadcast = defineCommand({
  args: {
    group: required('a tag, or all: every trusted node'),
    message: required('the text to send'),
  },
  options: {},
  returns:
    'group, results[{to, to_id, hostname, status, message_id | error, code}], sent, failed, total',
  details:
    'Each node gets a message of its own, which waits for it when it is away.\nExit code 1 when one of them could not be sent, or when there is nobody to send to.',
  async run({ args, client, signal, wait }) {
    const { group, message: data } = args;
    const nodes = await membersOf(group, client, signal);
    const request = { type: 'text', data, confirm_ms: CONFIRM_MS } as const;
    const send = async (node: NodeNames): Promise<Sent> => {
      try {
        const sent = await client.sendMessage({ target: node.id, ...request }, { signal });
        return { node, outcome: sent };
      } catch (error) {
        if (error instanceof PilotError) return { node, outcome: error };
        throw error;
      }
    };
    const results: Sent[] = [];
    for (let at = 0; at < nodes.length; at += AT_ONCE) {
      const sending = Promise.all(nodes.slice(at, at + AT_ONCE).map(send));
      results.push(...(await wait(`sending to ${nodes.length} nodes`, sending)));
    }
    const views = results.map(viewOf);
    const failed = views.filter(({ code }) => code !== undefined).length;
    const total = views.length;
    return {
      data: { group, results: views, sent: total - failed, failed, total },
      text: columns(results.map(rowOf)),
      exitCode: failed === 0 ? 0 : 1,
    };
  },
});

async function membersOf(
  group: string,
  client: PilotClient,
  signal: AbortSignal,
): Promise<readonly NodeNames[]> {
  if (group !== 'all') {
    const { nodes } = await client.findTagged(group, { signal });
    if (nodes.length > 0) return nodes;
    throw new PilotError('not_found', `no trusted node has the tag ${group}`, {
      hint: 'a node says what it is good for with: pilotctl set-tags',
    });
  }
  const nodes = (await client.trusted({ signal })).filter(({ mutual }) => mutual);
  if (nodes.length > 0) return nodes;
  throw new PilotError('not_found', 'this node trusts nobody yet', {
    hint: 'ask a node for trust: pilotctl handshake',
  });
}

interface SentView {
  readonly to: string;
  readonly to_id: string;
  readonly hostname: string;
  readonly status: string;
  readonly message_id?: string;
  readonly error?: string;
  readonly code?: string;
}

function viewOf({ node, outcome }: Sent): SentView {
  const { address, id, hostname } = node;
  const names = { to: address, to_id: id, hostname };
  if (outcome instanceof PilotError) {
    return { ...names, status: 'failed', error: outcome.message, code: outcome.code };
  }
  const { status, message_id, reason } = outcome;
  const view = { ...names, status, message_id };
  return status === 'dead' ? { ...view, error: reason, code: 'connection_failed' } : view;
}

function rowOf({ node, outcome }: Sent): string[] {
  const told =
    outcome instanceof PilotError
      ? [describeError(outcome), '']
      : [outcome.status, outcome.message_id];
  return [nodeText(node), ...told];
}
