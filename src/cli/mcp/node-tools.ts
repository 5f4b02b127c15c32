/** Tools about this node and others: pilot_info, pilot_find, pilot_peers, pilot_ping. */
import * as z from 'zod';

import { matches } from '../node-text.ts';
import { nodeSchema, nodeView, target } from './node-schema.ts';
import { defineTool } from './tool.ts';
import { shortened } from './untrusted-text.ts';

/** Of reasons and names in a list. */
const MAX_LINE_CHARACTERS = 300;
const MAX_PEERS = 200;
const MAX_PING_MS = 60_000;

const line = (text: string): string => shortened(text, MAX_LINE_CHARACTERS);

export const info = defineTool({
  name: 'pilot_info',
  title: 'This node',
  description:
    'Who this node is in the overlay network: its Node ID (what others trust), address and hostname, its relays, and how much waits in the inbox, the outbox and the queue of requests for trust.',
  effect: 'reads',
  isRemote: false,
  input: z.strictObject({}),
  output: z.object({
    id: z.string().describe('Node ID: give this one to others'),
    address: z.string(),
    node_id: z.number(),
    hostname: z.string(),
    version: z.string(),
    uptime_secs: z.number(),
    peers: z.number(),
    inbox_count: z.number(),
    inbox_unread: z.number(),
    outbox_count: z.number(),
    pending_count: z.number().describe('nodes that ask for our trust'),
    relays: z.array(
      z.object({
        url: z.string(),
        state: z.string(),
        rtt_ms: z.number().nullable(),
        reason: z.string(),
      }),
    ),
    warnings: z.array(z.string()),
    may_grant_trust: z.boolean().describe('whether pilot_approve and pilot_reject are on'),
    may_send_files_of: z.array(z.string()).describe('folders, for pilot_send_file'),
  }),
  async run(_args, { client, allowTrust, fileRoots, signal }) {
    const node = await client.info({ signal });
    const { id, address, node_id, hostname, version, uptime_secs, peers } = node;
    const { inbox_count, inbox_unread, outbox_count } = node;
    return {
      data: {
        ...{ id, address, node_id, hostname, version, uptime_secs, peers },
        ...{ inbox_count, inbox_unread, outbox_count },
        pending_count: node.handshake_pending_count,
        relays: node.relays.map(({ url, state, rtt_ms, reason }) => ({
          ...{ url, state, rtt_ms, reason: line(reason) },
        })),
        warnings: node.warnings.map(line),
        may_grant_trust: allowTrust,
        may_send_files_of: [...fileRoots.folders],
      },
    };
  },
});

export const find = defineTool({
  name: 'pilot_find',
  title: 'Find a node',
  description:
    'Looks up a node by hostname, Node ID, address or node number. A hostname proves nothing: the Node ID is what identifies a node.',
  effect: 'reads',
  isRemote: true,
  input: z.strictObject({ target }),
  output: z.object({
    node: nodeSchema,
    trusted: z.boolean().describe('messages can be sent to it'),
    online: z.boolean().describe('known of trusted nodes only'),
    relays: z.array(z.string()),
  }),
  async run(args, { client, limits, signal }) {
    const found = await limits.outgoing(false, async () => client.resolve(args.target, { signal }));
    const { trusted, online, relays } = found;
    return { data: { node: nodeView(found), trusted, online, relays: relays.map(line) } };
  },
});

export const peers = defineTool({
  name: 'pilot_peers',
  title: 'Peers',
  description: 'The nodes that this one trusts: whether each is online, and by which path.',
  effect: 'reads',
  isRemote: false,
  input: z.strictObject({
    search: z.string().max(256).describe('only nodes with this in one of their names').optional(),
  }),
  output: z.object({
    peers: z.array(
      z.object({
        node: nodeSchema,
        state: z.string().describe('connected, connecting, online or offline'),
        path: z.string().describe('relay, direct or webrtc; empty: none'),
        rtt_ms: z.number().nullable(),
        queued: z.number().describe('messages not delivered yet'),
        why_not_direct: z.string(),
      }),
    ),
    total: z.int(),
  }),
  async run({ search }, { client, signal }) {
    const found = (await client.peers({ signal })).filter((peer) => matches(peer, search));
    const shown = found.slice(0, MAX_PEERS).map((peer) => ({
      node: nodeView(peer),
      ...{ state: peer.state, path: peer.path, rtt_ms: peer.rtt_ms, queued: peer.queued },
      why_not_direct: line(peer.why_not_direct),
    }));
    return { data: { peers: shown, total: found.length } };
  },
});

export const ping = defineTool({
  name: 'pilot_ping',
  title: 'Ping',
  description: 'Measures the round trip to a trusted node, by the path in use or by the one named.',
  effect: 'reads',
  isRemote: true,
  input: z.strictObject({
    target,
    path: z.enum(['direct', 'relay']).describe('default: the path in use').optional(),
    timeout_ms: z.int().min(1).max(MAX_PING_MS).default(5000),
  }),
  output: z.object({ node: nodeSchema, rtt_ms: z.number(), path: z.string() }),
  async run({ target: name, path, timeout_ms: timeoutMs }, { client, limits, signal }) {
    const pong = await limits.outgoing(true, async () =>
      client.ping(name, { timeoutMs, path, signal }),
    );
    return { data: { node: nodeView(pong), rtt_ms: pong.rtt_ms, path: pong.path } };
  },
});
