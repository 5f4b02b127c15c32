/**
 * Events of this node's programs, with the brokers of its peers and its own:
 *
 *     publish ────> target is this node? ──yes──> broker ──> outlets of programs, streams of peers
 *                        └──no──> RemotePublisher ──> the peer's port 1002
 *     subscribe ──> this node: broker ──┬──> EventOutlet ──> program
 *                   a peer: SharedSubscription (one for each peer and topic)
 */
import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import { encodeControl } from '../../client/event-control.ts';
import { encodeEvent, EVENT_STREAM_PORT, MAX_EVENT_BYTES } from '../../client/event-frame.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { DialOptions } from '../streams/streams.ts';
import { askBroker } from './broker-stream.ts';
import type { DurableEvents } from './durable-events.ts';
import { EventBroker } from './event-broker.ts';
import type { EventOutlet } from './event-outlet.ts';
import { RemotePublisher } from './remote-publisher.ts';
import { SharedSubscription } from './shared-subscription.ts';
import { checkTopic, filterFault, topicFault } from './topic-filter.ts';

export interface TopicSubscription {
  readonly target: string;
  /** A topic, or a filter of several. */
  readonly topic: string;
  /** The last event of each topic first. */
  readonly retained: boolean;
  readonly signal: AbortSignal;
}

export interface TopicEvent {
  readonly target: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Keep it for those who come later; without a payload: keep nothing of this topic. */
  readonly retain: boolean;
}

/** What the local API needs of them. Targets are named as everywhere; this node is one. PilotError. */
export interface NodeTopics {
  /** Resolves when events come; the result ends it. The outlet gets `ok`, with how many retained events follow. */
  subscribe(request: TopicSubscription, outlet: EventOutlet): Promise<() => void>;
  /** Resolves when the broker has it: with how many subscribers it went to. */
  publish(event: TopicEvent): Promise<number>;
  readonly durable: Pick<DurableEvents, 'attach' | 'forget'>;
}

export interface TopicsDeps {
  readonly durable: NodeTopics['durable'];
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Undefined: this node. PilotError when it is nobody. */
  readonly peerOf: (target: string) => Promise<string | undefined>;
  readonly dial: (peer: string, port: number, options?: DialOptions) => Promise<PeerStream>;
}

/** Streams to other nodes' brokers that this node has at once. */
const MAX_SHARED = 4096;
/** Peers that this node published to within a minute. */
const MAX_PUBLISHERS = 1024;
const RETAIN = encodeControl({ kind: 'retain' });

export class Topics implements NodeTopics {
  readonly broker = new EventBroker();
  readonly durable: NodeTopics['durable'];
  readonly #deps: TopicsDeps;
  readonly #shared = new Map<string, SharedSubscription>();
  readonly #publishers = new Map<string, RemotePublisher>();

  constructor(deps: TopicsDeps) {
    this.#deps = deps;
    this.durable = deps.durable;
  }

  /** See `NodeTopics`. */
  async subscribe(request: TopicSubscription, outlet: EventOutlet): Promise<() => void> {
    const { target, topic, retained, signal } = request;
    checkTopic(topic, filterFault(topic));
    outlet.hold();
    const peer = await this.#deps.peerOf(target);
    signal.throwIfAborted();
    const leave =
      peer === undefined
        ? this.#joinOwn(topic, outlet)
        : await this.#join({ peer, topic, signal }, outlet);
    try {
      const frames = retained ? await this.#retained(peer, topic, signal) : [];
      signal.throwIfAborted();
      outlet.release([encodeControl({ kind: 'ok', count: frames.length }), ...frames]);
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async publish({ target, topic, payload, retain }: TopicEvent): Promise<number> {
    checkTopic(topic, topicFault(topic));
    if (payload.length > MAX_EVENT_BYTES) throw tooLarge(payload.length);
    const peer = await this.#deps.peerOf(target);
    const bytes = encodeEvent(topic, payload);
    if (peer !== undefined) {
      return this.#publisherOf(peer).publish(retain ? Buffer.concat([RETAIN, bytes]) : bytes);
    }
    const event = { topic, bytes, payload: bytes.subarray(bytes.length - payload.length) };
    return this.broker.publish(event, { isRetained: retain });
  }

  close(): void {
    for (const shared of [...this.#shared.values()]) shared.close();
    for (const publisher of this.#publishers.values()) publisher.close();
    this.#publishers.clear();
  }

  #joinOwn(topic: string, outlet: EventOutlet): () => void {
    const leave = this.broker.subscribe(topic, {
      deliver: ({ bytes }) => {
        outlet.push(bytes);
        return undefined;
      },
    });
    if (leave === undefined) throw tooMany();
    return leave;
  }

  async #join({ peer, topic, signal }: Place, outlet: EventOutlet): Promise<() => void> {
    const shared = this.#sharedOf(peer, topic);
    const leave = (): void => {
      shared.leave(outlet);
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      await shared.join(outlet);
      return leave;
    } catch (error) {
      leave();
      throw error;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  #sharedOf(peer: string, topic: string): SharedSubscription {
    const key = `${peer} ${topic}`;
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    if (this.#shared.size >= MAX_SHARED) throw tooMany();
    const made = new SharedSubscription(topic, {
      ...{ clock: this.#deps.clock, random: this.#deps.random },
      dial: async (signal) => this.#deps.dial(peer, EVENT_STREAM_PORT, { signal }),
      over: () => {
        if (this.#shared.get(key) === made) this.#shared.delete(key);
      },
    });
    this.#shared.set(key, made);
    return made;
  }

  async #retained(
    peer: string | undefined,
    filter: string,
    signal: AbortSignal,
  ): Promise<readonly Buffer[]> {
    if (peer === undefined) return this.broker.retained(filter);
    const stream = await this.#deps.dial(peer, EVENT_STREAM_PORT, { signal });
    const question = { kind: 'retained', filter } as const;
    return (await askBroker(stream, question, this.#deps.clock)).frames;
  }

  #publisherOf(peer: string): RemotePublisher {
    const known = this.#publishers.get(peer);
    if (known !== undefined) return known;
    if (this.#publishers.size >= MAX_PUBLISHERS) this.#makeRoom();
    const publisher = new RemotePublisher({
      clock: this.#deps.clock,
      dial: async () => this.#deps.dial(peer, EVENT_STREAM_PORT),
    });
    this.#publishers.set(peer, publisher);
    return publisher;
  }

  #makeRoom(): void {
    for (const [peer, publisher] of this.#publishers) {
      if (!publisher.isIdle) continue;
      publisher.close();
      this.#publishers.delete(peer);
    }
    if (this.#publishers.size < MAX_PUBLISHERS) return;
    throw new PilotError('unavailable', 'this node publishes on too many other nodes at once', {
      hint: 'wait until some of these events have arrived',
    });
  }
}

interface Place {
  readonly peer: string;
  readonly topic: string;
  readonly signal: AbortSignal;
}

function tooLarge(bytes: number): PilotError {
  return new PilotError('invalid_argument', `the event has ${bytes} bytes; at most 16 MiB go`, {
    hint: 'publish where it can be had, or send it as a file: pilotctl send-file',
  });
}

function tooMany(): PilotError {
  return new PilotError('unavailable', 'this node has too many subscriptions', {
    hint: 'end some of them, or subscribe to several topics at once with + or #',
  });
}
