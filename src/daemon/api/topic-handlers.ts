import type {
  ForgetTopicReply,
  ForgetTopicRequest,
  PublishReply,
  PublishRequest,
} from '../../client/api.ts';
import { payloadOf } from '../messages/send-request.ts';
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
