import type { TrustedNode } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { matches } from '../node-text.ts';
import { count, text } from '../option.ts';
import { columns } from '../output.ts';

export const trust = defineCommand({
  args: {},
  options: {
    limit: count('how many to show', { initial: 20, max: 100_000 }),
    search: text('TEXT', 'only nodes with this in one of their names'),
  },
  returns:
    'trusted[{node_id, public_key, approved_at, mutual, network, id, address, hostname}], total',
  async run({ client, options, signal }) {
    const all = await client.trusted({ signal });
    const found = all.filter((node) => matches(node, options.search));
    const trusted = found.slice(0, options.limit);
    return { data: { trusted, total: found.length }, text: textOf(trusted, found.length) };
  },
});

function textOf(trusted: readonly TrustedNode[], total: number): string {
  if (total === 0) return 'no node is trusted: pilotctl handshake <target>';
  const rows = trusted.map((node) => [
    node.address,
    node.hostname,
    node.mutual ? 'mutual' : 'asked',
    node.id,
  ]);
  const more = total - trusted.length;
  return `${columns(rows)}${more > 0 ? `\nand ${more} more: --limit ${total}` : ''}`;
}
