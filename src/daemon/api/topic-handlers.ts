import { PilotError } from '../../base/pilot-error.ts';
import type {
  ForgetTopicReply,
  ForgetTopicRequest,
  PublishReply,
  PublishRequest,
} from '../../client/api.ts';
import type { NodeTopics } from '../topics/topics.ts';

/** What the routes of topics answer with; the others are upgraded (api-topics.ts). */
export interface TopicReplies {
  publish: PublishReply;
  forgetTopic: ForgetTopicReply;
}

interface TopicHandlers {
  publish(call: { readonly body: PublishRequest }): Promise<PublishReply>;
  forgetTopic(call: { readonly body: ForgetTopicRequest }): Promise<ForgetTopicReply>;
}

const BASE64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}(?:==)?|[A-Za-z\d+/]{3}=?)?$/;

export function topicHandlers(topics: NodeTopics): TopicHandlers {
  return {
    publish: async ({ body }) => {
      const { target, topic, retain = false } = body;
      const payload = payloadOf(body);
      const subscribers = await topics.publish({ target, topic, payload, retain });
      return { target, topic, bytes: payload.length, subscribers };
    },
    forgetTopic: async ({ body: { target, topic } }) => {
      await topics.durable.forget({ target, topic });
      return { target, topic, status: 'forgotten' };
    },
  };
}

function payloadOf({ data, encoding }: PublishRequest): Buffer {
  if (encoding !== 'base64') return Buffer.from(data, 'utf8');
  if (BASE64.test(data)) return Buffer.from(data, 'base64');
  throw new PilotError('invalid_argument', 'the payload is not base64', {
    hint: 'Send the standard alphabet without line ends, or leave the encoding out for text.',
  });
}
