import type { ConnectionView } from '../../src/client/api.ts';
import { BOB } from '../client/fake-nodes.ts';
import type { Case } from './daemon-commands.ts';

export const CONNECTION: ConnectionView = {
  ...{ id: 12, local_port: 7, remote_addr: BOB.address, remote_port: 49_152 },
  ...{ state: 'ESTABLISHED', bytes_sent: 5, bytes_recv: 6 },
  ...{ remote_id: BOB.id, remote_hostname: 'bob', direction: 'incoming' },
};

/** Commands about ports and tags that are one call each. */
export const PORT_CASES: readonly Case[] = [
  {
    ...{ command: 'find', argv: ['find', '--tag', 'gpu'] },
    routes: {
      findTagged: ({ query }) => ({
        nodes: [{ ...BOB, tags: [query.get('tag'), 'x'], online: true }],
        total: 1,
      }),
    },
    reference: [],
    ours: ['tag', 'nodes', 'total'],
    text: `${BOB.address}  bob  online  gpu x  ${BOB.id}\n`,
  },
  {
    ...{ command: 'set-tags', argv: ['set-tags', 'gpu', 'x'] },
    routes: { setTags: ({ body }) => ({ node_id: 1, tags: body['tags'], published: false }) },
    reference: ['node_id', 'tags'],
    ours: ['published'],
    text: 'tags: gpu x (kept; no relay has confirmed it yet)\n',
  },
  {
    ...{ command: 'clear-tags', argv: ['clear-tags'] },
    routes: { setTags: ({ body }) => ({ node_id: 1, tags: body['tags'], published: true }) },
    reference: ['node_id', 'tags'],
    ours: ['published'],
    text: 'this node has no tags\n',
  },
  {
    ...{ command: 'dgram', argv: ['dgram', 'bob', '9', '--data', 'hello'] },
    routes: {
      sendDatagram: ({ body }) => ({ port: body['port'], bytes: String(body['data']).length }),
    },
    reference: ['target', 'port', 'bytes'],
    ours: [],
    text: 'sent: 5 bytes\n',
  },
  {
    ...{ command: 'connections', argv: ['connections'] },
    routes: { connections: () => ({ connections: [CONNECTION], total: 1 }) },
    reference: ['connections', 'total'],
    ours: [],
    text: `12  from  bob (${BOB.address})  port 7  ESTABLISHED  5 B sent  6 B received\n`,
  },
  {
    ...{ command: 'disconnect', argv: ['disconnect', '12'] },
    routes: { disconnect: ({ params }) => ({ conn_id: Number(params['id']) }) },
    reference: ['conn_id'],
    ours: [],
    text: 'disconnected: 12\n',
  },
];
