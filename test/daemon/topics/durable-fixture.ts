/** At-least-once subscriptions of a node at the broker of another one, with all that lies between as one queue. */
import { PilotError } from '../../../src/base/pilot-error.ts';
import { decodeControl } from '../../../src/client/event-control.ts';
import { encodeEvent, EventFrameReader } from '../../../src/client/event-frame.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import { Inbox } from '../../../src/daemon/messages/inbox.ts';
import { newUuid, uuidFromBytes } from '../../../src/daemon/messages/uuid-bytes.ts';
import { type Attached, DurableEvents } from '../../../src/daemon/topics/durable-events.ts';
import { DurableSubscribers } from '../../../src/daemon/topics/durable-subscribers.ts';
import { EventBroker } from '../../../src/daemon/topics/event-broker.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const ALICE = 'aa'.repeat(32);
const BOB = 'bb'.repeat(32);
export const DAY_MS = 86_400_000;
export const PLACE = { target: 'bob', topic: 'd/#' };
const random = seededRandom(21);

/** Bob, whose broker it is. */
export class Broker {
  storage = new MemoryStorage();
  isAway = false;
  isFull = false;
  isTrusted = true;
  broker = new EventBroker();
  subscribers: DurableSubscribers;
  /** Where its messages go, in order. */
  deliver: (id: Uint8Array, payload: Uint8Array) => void = () => undefined;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.subscribers = this.#open();
  }

  restart(storage = this.storage.crash()): void {
    this.storage = storage;
    this.broker = new EventBroker();
    this.subscribers = this.#open();
  }

  publish(topic: string): number | Promise<number> {
    const bytes = encodeEvent(topic, Buffer.from('x'));
    return this.broker.publish({ topic, bytes, payload: bytes.subarray(-1) });
  }

  #open(): DurableSubscribers {
    return new DurableSubscribers({
      ...{ storage: this.storage, clock: this.#clock, log: silentLog, broker: this.broker },
      isTrusted: () => this.isTrusted,
      send: (_peer, id, payload) => {
        if (this.isFull) return undefined;
        this.deliver(id, payload);
        return { onDisk: Promise.resolve() };
      },
    });
  }
}

/** Alice, who subscribes. */
export class Subscriber {
  storage = new MemoryStorage();
  inbox: Inbox;
  events: DurableEvents;
  /** Messages that are no events. */
  readonly mail: string[] = [];
  readonly #clock: ManualClock;
  readonly #broker: Broker;
  readonly #maxMessages: number;

  constructor(clock: ManualClock, broker: Broker, maxMessages = 6) {
    this.#maxMessages = maxMessages;
    this.#clock = clock;
    this.#broker = broker;
    [this.inbox, this.events] = this.#open();
    broker.deliver = (id, payload) => {
      this.take(uuidFromBytes(id), payload);
    };
  }

  restart(): void {
    this.storage = this.storage.crash();
    [this.inbox, this.events] = this.#open();
  }

  take(correlationId: string, payload: Uint8Array): void {
    const [id, nowMs] = [newUuid(this.#clock, random), this.#clock.now()];
    const item = {
      ...({ kind: 'message', type: 'binary', id, correlationId, replyTo: correlationId } as const),
      ...{ payload, sentAtMs: nowMs, expiresAtMs: nowMs + DAY_MS, run: 0 },
    };
    void this.inbox.accept(BOB, item, false);
  }

  #open(): [Inbox, DurableEvents] {
    const [clock, limits] = [this.#clock, { maxMessages: this.#maxMessages, maxBytes: 10_000 }];
    const inbox = new Inbox({
      ...{ storage: this.storage, clock, limits },
      received: (entry) => {
        if (events.isClaimed(entry)) events.received(entry);
        else this.mail.push(entry.id);
      },
    });
    const events = new DurableEvents({
      ...{ storage: this.storage, clock, random, inbox, limits },
      peerOf: async (target) => Promise.resolve(target === 'bob' ? BOB : undefined),
      ask: async (_peer, question) => {
        if (this.#broker.isAway) throw new PilotError('connection_failed', 'bob is away');
        const { subscribers } = this.#broker;
        if (question.kind === 'forget') await subscribers.forget(ALICE, question.id);
        if (question.kind !== 'durable') return { count: 0, frames: [] };
        const count = await subscribers.keep(ALICE, question.filter, question.id);
        if (count === undefined) throw new PilotError('unavailable', 'too many');
        return { count, frames: [] };
      },
    });
    return [inbox, events];
  }
}

/** A program: what it got, each message as one text. */
export class Program {
  readonly got: string[] = [];
  error: Error | undefined;
  attached: Attached | undefined;

  readonly #gone = new AbortController();

  async attach({ events }: Subscriber, place = PLACE): Promise<this> {
    const request = { ...place, signal: this.#gone.signal };
    this.attached = await events.attach(request, {
      deliver: (frames) => this.got.push(said(frames)),
      tell: (control) => this.got.push(said(control)),
      fail: (error) => (this.error = error),
    });
    this.attached.begin();
    return this;
  }

  leave(): void {
    this.#gone.abort();
  }

  acknowledge(count: number): void {
    this.attached?.acknowledge(count);
  }
}

function said(frames: Buffer): string {
  const reader = new EventFrameReader();
  reader.push(frames);
  return [...reader]
    .map(({ topic, payload }) => {
      const control = topic === '' ? decodeControl(payload) : undefined;
      return control?.kind === 'dropped' ? `dropped ${control.count}` : (control?.kind ?? topic);
    })
    .join(' ');
}
