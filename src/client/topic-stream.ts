/** Subscribers and publishers of the SDK; see `TopicClient`. */
import { once } from 'node:events';

import { PilotError } from '../base/pilot-error.ts';
import { WireError } from '../base/wire-error.ts';
import { decodeControl, encodeControl, type EventControl } from './event-control.ts';
import {
  encodeEvent,
  EVENT_STREAM_PORT,
  type EventFrame,
  EventFrameReader,
  MAX_EVENT_BYTES,
  MAX_TOPIC_BYTES,
} from './event-frame.ts';
import { openStream, type PilotStream } from './pilot-stream.ts';
import type { SubscribeQuery } from './topic-api.ts';
import type { UpgradeRequest } from './upgrade.ts';

/** What a subscriber gets. Text from a peer is data, never an instruction. */
export type TopicEvent =
  | {
      readonly kind: 'event';
      readonly topic: string;
      readonly payload: Buffer;
      /** It was published before this subscription; it may come again as a new one. */
      readonly retained: boolean;
    }
  /** So many events are missing here: this program, or the way to it, was too slow. */
  | { readonly kind: 'dropped'; readonly count: number }
  /** The broker was not reachable for a while: events may be missing here. */
  | { readonly kind: 'gap' };

export interface SubscribeTopicOptions {
  /** First the last event of each topic, where it was published to be retained. */
  readonly retained?: boolean | undefined;
  /** Events are messages, kept on disk until this program is done with them, also while it is away. */
  readonly atLeastOnce?: boolean | undefined;
}

type Request = Omit<UpgradeRequest, 'route' | 'query'>;

const ACKNOWLEDGED = encodeControl({ kind: 'ack', count: 1 });
const RETAIN = encodeControl({ kind: 'retain' });

/**
 * Events of a topic, to be iterated once. With `atLeastOnce` one is done with when the next is asked for; those
 * that a program is not done with come again to the next one that subscribes in the same way.
 */
export class TopicSubscription {
  readonly #stream: PilotStream;
  readonly #items: AsyncGenerator<EventFrame, undefined, undefined>;
  #retained = 0;
  #isPending = false;

  constructor(stream: PilotStream) {
    this.#stream = stream;
    this.#items = framesOf(stream);
  }

  /** Until the daemon says that events come. */
  async begun(): Promise<this> {
    const first = await this.#next();
    if (first?.kind === 'ok') this.#retained = first.count;
    else throw new PilotError('connection_failed', 'the daemon did not answer as it should');
    return this;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TopicEvent, void, undefined> {
    try {
      for (;;) {
        const item = await this.#next();
        if (item === undefined) return;
        if (item.kind === 'event') yield this.#eventOf(item);
        else if (item.kind === 'dropped') yield { kind: 'dropped', count: item.count };
        else if (item.kind === 'gap') yield { kind: 'gap' };
        // The end of a message: whoever asks for more is done with it.
        else if (item.kind === 'ack') await this.#acknowledge();
      }
    } finally {
      this.close();
    }
  }

  /** With `atLeastOnce`: done with the event that came last, before the loop is left. */
  async acknowledge(): Promise<void> {
    if (this.#isPending) await this.#acknowledge();
  }

  /** What was acknowledged arrives. */
  close(): void {
    this.#stream.end();
    this.#items.return(undefined).then(
      () => this.#stream.resume(),
      () => undefined,
    );
  }

  #eventOf(item: Extract<Item, { kind: 'event' }>): TopicEvent {
    this.#isPending = true;
    const retained = this.#retained > 0;
    if (retained) this.#retained -= 1;
    return { ...item, retained };
  }

  async #acknowledge(): Promise<void> {
    this.#isPending = false;
    await new Promise<void>((resolve) => {
      this.#stream.write(ACKNOWLEDGED, () => {
        resolve();
      });
    });
  }

  async #next(): Promise<Item | undefined> {
    for (;;) {
      const frame = await this.#items.next();
      if (frame.done === true) return undefined;
      const item = itemOf(frame.value);
      if (item !== undefined) return item;
    }
  }
}

type Item = EventControl | { readonly kind: 'event'; topic: string; payload: Buffer };

/** Undefined: of a later release. */
function itemOf({ topic, payload }: EventFrame): Item | undefined {
  if (topic !== '') return { kind: 'event', topic, payload };
  return understood(() => decodeControl(payload));
}

async function* framesOf(stream: PilotStream): AsyncGenerator<EventFrame, undefined, undefined> {
  const reader = new EventFrameReader();
  // What was written has to arrive also when no more is read.
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const chunk of chunks) {
    reader.push(chunk);
    for (;;) {
      const frame = understood(() => reader.next());
      if (frame === undefined) break;
      yield frame;
    }
  }
  return undefined;
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new PilotError('internal', `the daemon's events are malformed: ${error.message}`);
  }
}

export async function openSubscription(
  query: SubscribeQuery,
  request: Request,
): Promise<TopicSubscription> {
  const upgraded = { ...request, route: 'subscribeTopic', query } as const;
  const subscription = new TopicSubscription(await openStream(upgraded, EVENT_STREAM_PORT));
  try {
    return await subscription.begun();
  } catch (error) {
    subscription.close();
    throw error;
  }
}

export interface LargeEvent {
  readonly target: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

/** One event, of any size; resolves with how many subscribers it went to. */
export async function publishLarge(event: LargeEvent, request: Request): Promise<number> {
  const { target, topic, payload, retain } = event;
  checkSize(topic, payload);
  const upgraded = { ...request, route: 'publishTopics', query: { target } } as const;
  const stream = await openStream(upgraded, EVENT_STREAM_PORT);
  try {
    if (retain) stream.write(RETAIN);
    stream.end(encodeEvent(topic, payload));
    for await (const frame of framesOf(stream)) {
      const item = itemOf(frame);
      if (item?.kind === 'taken') return item.subscribers[0] ?? 0;
    }
    throw new PilotError('connection_failed', 'the daemon ended the stream');
  } finally {
    if (!stream.closed) await once(stream.resume(), 'close').catch(() => undefined);
  }
}

function checkSize(topic: string, payload: Uint8Array): void {
  const topicBytes = Buffer.byteLength(topic);
  if (topicBytes > 0 && topicBytes <= MAX_TOPIC_BYTES && payload.length <= MAX_EVENT_BYTES) return;
  const what =
    payload.length > MAX_EVENT_BYTES
      ? `the event has ${payload.length} bytes`
      : `the topic has ${topicBytes} bytes`;
  throw new PilotError('invalid_argument', what, {
    hint: 'a topic has 1 to 1,024 bytes, an event at most 16 MiB',
  });
}
