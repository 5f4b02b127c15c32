import type { ForgetTopicReply, PublishReply } from './api.ts';
import type { CallOptions } from './call-options.ts';
import { encodePayload, type Payload } from './payload.ts';
import type { SubscribeTopicOptions, TopicSubscription } from './topic-stream.ts';
import type { Transport } from './transport.ts';

/** As long as a dial may take. */
const WAIT_MS = 30_000;
/** Larger ones do not fit into a line of every daemon's call stream (`messaging.max_payload_kb` 1). */
const MAX_BYTES_IN_CALL = 4096;

/**
 * `PilotClient.topics`: events by topic. The target is the broker: the daemon of a peer, or this node's own. A topic
 * has levels between slashes; who subscribes may write `+` for any one, `#` for the rest, `*` for all topics.
 */
export class TopicClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Events from now on. Survives a lost session (then a `gap` comes), not the end of this host's daemon
   * (`unavailable`, or `connection_failed` when it could not say so). See `TopicSubscription`.
   */
  async subscribe(
    target: string,
    topic: string,
    { signal, retained, atLeastOnce }: CallOptions & SubscribeTopicOptions = {},
  ): Promise<TopicSubscription> {
    const { openSubscription } = await import('./topic-stream.ts');
    const query = {
      ...{ target, topic },
      ...(retained !== undefined && { retained }),
      ...(atLeastOnce !== undefined && { at_least_once: atLeastOnce }),
    };
    return openSubscription(query, this.#transport.upgradeRequest({ signal, waitMs: WAIT_MS }));
  }

  /** Resolves when the broker has the event; at most 16 MiB. `retain`: it keeps it for those who ask for it. */
  async publish(
    target: string,
    topic: string,
    payload: Payload,
    { signal, retain = false }: CallOptions & { retain?: boolean } = {},
  ): Promise<PublishReply> {
    const { data, encoding } = encodePayload(payload);
    const bytes = Buffer.byteLength(data, encoding ?? 'utf8');
    if (bytes <= MAX_BYTES_IN_CALL) {
      const body = { target, topic, data, encoding, retain };
      return this.#transport.json({ route: 'publish', body, waitMs: WAIT_MS, signal });
    }
    const { publishLarge } = await import('./topic-stream.ts');
    const event = { target, topic, payload: Buffer.from(data, encoding ?? 'utf8'), retain };
    const request = this.#transport.upgradeRequest({ signal, waitMs: WAIT_MS });
    return { target, topic, bytes, subscribers: await publishLarge(event, request) };
  }

  /** Ends what `subscribe` with `atLeastOnce` began; events that wait are gone. */
  async forget(
    target: string,
    topic: string,
    { signal }: CallOptions = {},
  ): Promise<ForgetTopicReply> {
    const body = { target, topic };
    return this.#transport.json({ route: 'forgetTopic', body, waitMs: WAIT_MS, signal });
  }
}
