import * as z from 'zod';

import type { NodeNames } from '../../client/client.ts';

/** What tools take to name a node; as long as the daemon takes it. */
export const target = z
  .string()
  .min(1)
  .max(256)
  .describe('a Node ID (pilot1…), an address, a node number or a hostname');

/** A node by its names. Only the Node ID is proved; a hostname is what the node calls itself. */
export const nodeSchema = z.object({
  id: z.string().describe('Node ID, proved by the key: compare this one'),
  address: z.string(),
  node_id: z.number().describe('node number'),
  claimed_hostname: z.string().describe('chosen by the node itself; empty: none'),
});

export type NodeView = z.infer<typeof nodeSchema>;

export function nodeView({ id, address, node_id, hostname }: NodeNames): NodeView {
  return { id, address, node_id, claimed_hostname: hostname };
}

/** On one line, by what is proved first. */
export function nodeLine({ id, address, claimed_hostname }: NodeView): string {
  const claim = claimed_hostname === '' ? '' : `, calls itself "${claimed_hostname}"`;
  return `${id} (proved by its key; address ${address}${claim})`;
}
