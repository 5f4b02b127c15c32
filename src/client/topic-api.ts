/** Events by topic, as the local API has them. See `api.ts` for the manners. */

export const TOPIC_ROUTES = {
  subscribeTopic: { method: 'GET', path: '/v1/topics/subscribe' },
  publishTopics: { method: 'GET', path: '/v1/topics/publish' },
  publish: { method: 'POST', path: '/v1/topics/publish' },
  forgetTopic: { method: 'POST', path: '/v1/topics/forget' },
} as const;

/** Query of `GET /v1/topics/subscribe`; upgraded to a stream of events (event-frame.ts). The broker is the target's daemon. */
export interface SubscribeQuery {
  readonly target: string;
  /** A topic, or several: `+` is a level, `#` the rest, `*` all. */
  readonly topic: string;
  /** The last event of each topic first. */
  readonly retained?: boolean;
  /** Events come as messages that wait until this program acknowledges them, also while it is away. */
  readonly at_least_once?: boolean;
}

/** Query of `GET /v1/topics/publish`; upgraded to a stream of events. */
export interface PublishQuery {
  readonly target: string;
}

export interface PublishRequest {
  readonly target: string;
  readonly topic: string;
  /** UTF-8 text, or base64 when `encoding` says so. */
  readonly data: string;
  readonly encoding?: 'utf8' | 'base64';
  /** Keep it for those who come later and ask for it; without data: keep nothing of this topic. */
  readonly retain?: boolean;
}

export interface PublishReply {
  readonly target: string;
  readonly topic: string;
  readonly bytes: number;
  /** How many streams and durable subscriptions the broker gave it to. */
  readonly subscribers: number;
}

export interface ForgetTopicRequest {
  readonly target: string;
  readonly topic: string;
}

export interface ForgetTopicReply {
  readonly target: string;
  readonly topic: string;
  readonly status: 'forgotten';
}
