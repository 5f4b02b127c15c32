import type { NodeNames, ResolveReply } from '../client/client.ts';
import { fields } from './output.ts';

/** `bob (0:0000.0074.CBB1)`, or the address alone: a node on one line. */
export function nodeText({ hostname, address }: NodeNames): string {
  return hostname === '' ? address : `${hostname} (${address})`;
}

/** All that is known of a node, line by line. */
export function nodeFields(node: ResolveReply): string {
  return fields([
    ['Node ID', node.id],
    ['address', node.address],
    ['node number', node.node_id],
    ['hostname', node.hostname],
    ['trusted', node.trusted ? 'yes' : 'no'],
    ['online', node.online ? 'yes' : node.trusted ? 'no' : 'not known: it does not trust us'],
    ['relays', node.relays.join(' ')],
    ['tags', node.tags.join(' ')],
  ]);
}

/** Whether the text is part of one of the node's names; no text matches every node. */
export function matches(node: NodeNames, search: string | undefined): boolean {
  if (search === undefined) return true;
  const names = [node.id, node.address, String(node.node_id), node.hostname];
  return names.some((name) => name.toLowerCase().includes(search.toLowerCase()));
}
