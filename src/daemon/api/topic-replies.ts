import * as z from 'zod';

import type { TOPIC_ROUTES } from '../../client/topic-api.ts';
import { schemaOf } from './schema-of.ts';
import type { TopicReplies } from './topic-handlers.ts';

const text = z.string();
const count = z.int().min(0);

/** What the routes of topics answer: see `api-replies.ts`. */
export const TOPIC_REPLIES = schemaOf<TopicReplies>()(
  z.object({
    publish: z.object({ target: text, topic: text, bytes: count, subscribers: count }),
    forgetTopic: z.object({ target: text, topic: text, status: z.literal('forgotten') }),
  }),
).shape;

export const TOPIC_SUMMARIES = {
  subscribeTopic: 'Events of a topic, from the broker of this node or of a peer',
  publishTopics: 'Publish events, one after the other, of any size',
  publish: 'Publish an event',
  forgetTopic: 'End an at-least-once subscription',
} as const satisfies Record<keyof typeof TOPIC_ROUTES, string>;
