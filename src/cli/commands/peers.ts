import type { PeerView } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { matches } from '../node-text.ts';
import { count, text, toggle } from '../option.ts';
import { columns } from '../output.ts';

export const peers = defineCommand({
  args: {},
  options: {
    search: text('TEXT', 'only nodes with this in one of their names'),
    limit: count('how many to show in text (default: all)', { initial: Infinity, max: 1_000_000 }),
    all: toggle('as it is without --limit', { hidden: true }),
  },
  returns:
    'peers[{node_id, endpoint, encrypted, authenticated, relay, state, path, rtt_ms, path_since, why_not_direct, alarms[{alarm, text}], since, queued, id, address, hostname}], total, encrypted',
  async run({ client, options, signal }) {
    const all = await client.peers({ signal });
    const found = all.filter((peer) => matches(peer, options.search));
    const encrypted = found.filter((peer) => peer.encrypted).length;
    return {
      data: { peers: found, total: found.length, encrypted },
      text: textOf(found, options.limit),
    };
  },
});

function textOf(found: readonly PeerView[], limit: number): string {
  if (found.length === 0) return 'no peers';
  const table = columns(
    found
      .slice(0, limit)
      .map((peer) => [
        peer.address,
        peer.hostname,
        peer.state,
        peer.path,
        peer.rtt_ms === null ? '' : `${peer.rtt_ms.toFixed(1)} ms`,
        peer.queued === 0 ? '' : `${peer.queued} queued`,
        peer.endpoint,
        peer.path_since === '' ? '' : `since ${peer.path_since}`,
        peer.path === 'relay' ? `not direct: ${peer.why_not_direct}` : '',
        peer.alarms.length === 0
          ? ''
          : `alarm: ${peer.alarms.map(({ alarm }) => alarm).join(', ')}`,
      ]),
  );
  return found.length > limit ? `${table}\nand ${found.length - limit} more` : table;
}
