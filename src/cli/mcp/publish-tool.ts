import * as z from 'zod';

import { checkBase64, MAX_DATA_CHARACTERS } from './base64-data.ts';
import { target } from './node-schema.ts';
import { defineTool } from './tool.ts';

export const publish = defineTool({
  name: 'pilot_publish',
  title: 'Publish an event',
  description:
    'Publishes an event on a topic at a broker: a trusted node, or this one. It goes to those who subscribe at that moment, and is not delivered later; for one node to read it for sure, send a message.',
  effect: 'adds',
  isRemote: true,
  input: z.strictObject({
    target,
    topic: z
      .string()
      .min(1)
      .max(1024)
      .describe('levels between slashes, without wildcards; at most 1,024 bytes'),
    data: z.string().max(MAX_DATA_CHARACTERS).describe('text, or base64 with `encoding`'),
    encoding: z.enum(['utf8', 'base64']).default('utf8'),
    retain: z
      .boolean()
      .default(false)
      .describe('the broker keeps it for those who subscribe later; without data it forgets it'),
  }),
  output: z.object({
    topic: z.string(),
    bytes: z.number(),
    subscribers: z.number().describe('how many streams and durable subscriptions got it'),
  }),
  async run({ target: broker, topic, data, encoding, retain }, { client, limits, signal }) {
    if (encoding === 'base64') checkBase64(data, 'without an encoding it goes as text');
    const payload = Buffer.from(data, encoding);
    const { bytes, subscribers } = await limits.outgoing(false, async () =>
      client.topics.publish(broker, topic, payload, { signal, retain }),
    );
    return { data: { topic, bytes, subscribers } };
  },
});
