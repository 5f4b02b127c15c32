import { BOB, outgoing } from '../client/fake-nodes.ts';
import { type Case, TRUSTED } from './daemon-commands.ts';

/** Commands of events that are one call each, to one node. */
export const TOPIC_CASES: readonly Case[] = [
  {
    ...{ command: 'publish', argv: ['publish', 'bob', 'jobs/eu', '--data', 'hello', '--retain'] },
    routes: {
      publish: ({ body: { target, topic, data, retain } }) => ({
        ...{ target, topic, bytes: Buffer.from(String(data), 'base64').length },
        subscribers: retain === true ? 3 : 0,
      }),
    },
    reference: ['target', 'topic', 'bytes'],
    ours: ['subscribers'],
    text: 'published: 5 bytes to 3 subscribers\n',
  },
  {
    ...{ command: 'broadcast', argv: ['broadcast', 'all', 'hello'] },
    routes: {
      listTrust: () => ({ trusted: [TRUSTED, { ...TRUSTED, mutual: false }], total: 2 }),
      sendMessage: ({ body }) => outgoing(`${String(body['data'])}-1`),
    },
    reference: [],
    ours: ['group', 'results', 'sent', 'failed', 'total'],
    text: `bob (${BOB.address})  delivered  hello-1\n`,
  },
];
