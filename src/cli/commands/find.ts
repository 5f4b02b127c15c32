import { PilotError } from '../../base/pilot-error.ts';
import type { TaggedNode } from '../../client/client.ts';
import { defineCommand, optional } from '../command.ts';
import { nodeFields } from '../node-text.ts';
import { text } from '../option.ts';
import { columns } from '../output.ts';

export const find = defineCommand({
  args: { hostname: optional('the hostname to look for') },
  options: { tag: text('TAG', 'all trusted nodes that have this tag') },
  returns:
    'hostname, node_id, address, public, id, trusted, online, public_key, relays, tags; with --tag: tag, nodes[{id, node_id, address, hostname, tags, online}], total',
  details:
    'A hostname is looked for among the nodes this one knows, then at its relays.\nA tag is looked for among trusted nodes alone, by the newest records that the relays have of them.',
  async run({ args, client, options, signal, wait }) {
    const { hostname } = args;
    const { tag } = options;
    if (tag !== undefined && hostname === undefined) {
      const label = `looking for nodes with the tag ${tag}`;
      const { nodes, total } = await wait(label, client.findTagged(tag, { signal }));
      return { data: { tag, nodes, total }, text: taggedText(nodes, tag) };
    }
    if (hostname === undefined || tag !== undefined) {
      throw new PilotError('invalid_argument', 'name either a hostname or a tag', {
        hint: 'pilotctl find <hostname>, or pilotctl find --tag <tag>',
      });
    }
    const data = await wait(`looking for ${hostname}`, client.resolve(hostname, { signal }));
    return { data, text: nodeFields(data) };
  },
});

function taggedText(nodes: readonly TaggedNode[], tag: string): string {
  if (nodes.length === 0) return `no trusted node has the tag ${tag}`;
  return columns(
    nodes.map(({ address, hostname, online, tags, id }) => [
      ...[address, hostname, online ? 'online' : 'offline', tags.join(' '), id],
    ]),
  );
}
