import * as z from 'zod';

import type {
  ForgetTopicRequest,
  PublishQuery,
  PublishRequest,
  SubscribeQuery,
} from '../../client/api.ts';
import { flag } from './query-flag.ts';
import { schemaOf } from './schema-of.ts';

const target = z.string().min(1).max(256).describe('the broker: a peer, or this node');
const topic = z.string().max(1024).describe('levels between slashes; 1 to 1,024 bytes');

/** What the routes of topics take: see `api-schemas.ts`. */
export const TOPIC_REQUESTS = {
  subscribeTopic: {
    query: schemaOf<SubscribeQuery>()(
      z.strictObject({
        ...{ target, topic, retained: flag.exactOptional(), at_least_once: flag.exactOptional() },
      }),
    ),
  },
  publishTopics: { query: schemaOf<PublishQuery>()(z.strictObject({ target })) },
  publish: {
    body: schemaOf<PublishRequest>()(
      z.strictObject({
        ...{ target, topic, data: z.string() },
        encoding: z.enum(['utf8', 'base64']).exactOptional(),
        retain: z.boolean().exactOptional(),
      }),
    ),
  },
  forgetTopic: { body: schemaOf<ForgetTopicRequest>()(z.strictObject({ target, topic })) },
};
