/**
 * Subscriptions of this host's programs that lose nothing: the broker sends each event as a message whose
 * correlation id is the subscription's. It stays in the inbox, out of sight, until a program is done with it.
 *
 *     message ──> of a subscription? ──no──> the inbox, as always
 *                       │yes
 *                       v
 *     waiting (inbox) ──> program ──ack──> removed
 *           ^                │ gone without an ack
 *           └────────────────┘
 *
 * On disk (table `topics`, key: 2 ‖ id) a CBOR map: `p` the broker's first key, `t` the filter, `c` whether the
 * broker has it, `d` how many events were dropped and not told. Of one that was ended: `p`, and `f` when that was.
 * What the broker had on its way by then is no message for people either.
 */
import { Backoff } from '../../base/backoff.ts';
import { concatBytes } from '../../base/bytes.ts';
import { encodeCbor } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { EventControl } from '../../client/event-control.ts';
import type { Inbox, InboxLimits } from '../messages/inbox.ts';
import type { InboxEntry } from '../messages/inbox-entry.ts';
import type { MailClaim } from '../messages/mail-claim.ts';
import { newUuid, uuidFromBytes, uuidToBytes } from '../messages/uuid-bytes.ts';
import { onDisk } from '../store/on-disk.ts';
import type { Storage, Write } from '../store/storage.ts';
import type { BrokerAnswer } from './broker-stream.ts';
import { DurableQueue, type DurableReader } from './durable-queue.ts';
import { GAP, isFinal, RETRY } from './shared-subscription.ts';
import { checkTopic, filterFault } from './topic-filter.ts';

export interface DurableEventsDeps {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly inbox: Pick<Inbox, 'newestFirst' | 'payloadOf' | 'remove' | 'markRead'>;
  /** Of the inbox; events take half of it at most. */
  readonly limits: InboxLimits;
  /** Undefined: this node. */
  readonly peerOf: (target: string) => Promise<string | undefined>;
  readonly ask: (peer: string, question: EventControl) => Promise<BrokerAnswer>;
}

export interface Attached {
  /** Hands over what there is, and from then on what comes. */
  begin(): void;
  /** The program is done with so many messages, in the order in which it got them. */
  acknowledge(count: number): void;
  end(): void;
}

interface Subscription {
  readonly id: string;
  readonly peer: string;
  readonly filter: string;
  readonly queue: DurableQueue;
  isConfirmed: boolean;
  lost: number;
  /** It is being forgotten, or was: nothing may be written over that. */
  isEnded: boolean;
}

interface Place {
  readonly target: string;
  readonly topic: string;
}

interface Attaching extends Place {
  readonly signal: AbortSignal;
}

const PREFIX = Uint8Array.of(2);
const MAX_SUBSCRIPTIONS = 256;
const MAX_FORGOTTEN = 1024;
/** No message lives longer. */
const FORGOTTEN_MS = 30 * 86_400_000;
/** A seventh of what the broker waits. */
const RENEW_MS = 86_400_000;
const ASK_AGAIN = { ...RETRY, maxMs: 60_000 };

export class DurableEvents implements MailClaim {
  readonly #deps: DurableEventsDeps;
  /** By broker and id, as `#forgotten`: when those were ended. */
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #forgotten = new Map<string, number>();

  constructor(deps: DurableEventsDeps) {
    this.#deps = deps;
    for (const [key, value] of deps.storage.entries('topics', { start: PREFIX })) {
      const fields = CborFields.decode(value);
      const [peer, id] = [fields.text('p', {}), uuidFromBytes(key.subarray(1))];
      if (fields.has('f')) this.#forgotten.set(nameOf(peer, id), fields.count('f'));
      else {
        const added = this.#add(peer, id, fields.text('t', {}));
        Object.assign(added, { isConfirmed: fields.flag('c'), lost: fields.count('d') });
      }
    }
    this.#expireForgotten();
    if (this.#subscriptions.size + this.#forgotten.size === 0) return;
    for (const entry of [...deps.inbox.newestFirst()].reverse()) {
      if (this.#isForgotten(entry)) deps.inbox.remove(entry);
      else this.#of(entry)?.queue.push(entry);
    }
  }

  /** It is no message for people. */
  isClaimed(entry: InboxEntry): boolean {
    return this.#of(entry) !== undefined || this.#isForgotten(entry);
  }

  /** One of them has come. */
  received(entry: InboxEntry): void {
    const subscription = this.#of(entry);
    if (subscription === undefined) {
      this.#deps.inbox.remove(entry);
      return;
    }
    subscription.queue.push(this.#deps.inbox.markRead(entry));
    while (this.#isOverLimit() && subscription.queue.dropOldest()) {
      subscription.lost += 1;
      this.#save(subscription);
    }
    this.#pump(subscription);
  }

  /**
   * Resolves when the broker keeps the subscription; one that it has kept before, also when the broker is away. The
   * signal: its program has gone before that.
   */
  async attach({ target, topic, signal }: Attaching, reader: DurableReader): Promise<Attached> {
    checkTopic(topic, filterFault(topic));
    const peer = await this.#brokerOf(target);
    const subscription = this.#find(peer, topic) ?? (await this.#make(peer, topic));
    const { queue } = subscription;
    signal.throwIfAborted();
    if (queue.reader !== undefined) throw taken(topic);
    queue.attach(reader);
    const lease = this.#newLease(subscription, reader);
    const end = (): void => {
      lease.end();
      queue.detach(reader);
    };
    signal.addEventListener('abort', end, { once: true });
    try {
      await lease.begin();
      signal.throwIfAborted();
    } catch (error) {
      end();
      throw error;
    } finally {
      signal.removeEventListener('abort', end);
    }
    return {
      begin: () => {
        queue.begin();
        this.#pump(subscription);
      },
      acknowledge: (count) => {
        if (queue.reader !== reader) return;
        queue.acknowledge(count);
        this.#pump(subscription);
      },
      end,
    };
  }

  /** Ends a subscription; what waits of it is removed. PilotError `not_found`. */
  async forget({ target, topic }: Place): Promise<void> {
    const peer = await this.#brokerOf(target);
    const subscription = this.#find(peer, topic);
    if (subscription === undefined) throw notSubscribed(topic);
    const name = nameOf(peer, subscription.id);
    const nowMs = this.#deps.clock.now();
    const value = encodeCbor({ p: peer, f: nowMs });
    const write = { table: 'topics', key: keyOf(subscription.id), value } as const;
    subscription.isEnded = true;
    await onDisk(this.#deps.storage.commit([write])).catch((error: unknown) => {
      subscription.isEnded = false;
      this.#save(subscription);
      throw error;
    });
    this.#subscriptions.delete(name);
    this.#forgotten.set(name, nowMs);
    this.#expireForgotten();
    subscription.queue.clear();
    subscription.queue.reader?.fail(notSubscribed(topic));
    // A broker that cannot be told forgets it by itself.
    const question = { kind: 'forget', id: uuidToBytes(subscription.id) } as const;
    await this.#deps.ask(peer, question).catch(() => undefined);
  }

  /** Asks the broker until it has answered, and then once a day. */
  #newLease(
    subscription: Subscription,
    reader: DurableReader,
  ): { begin(): Promise<void>; end(): void } {
    const { clock, random } = this.#deps;
    const backoff = new Backoff(ASK_AGAIN, random);
    let cancel: Cancel = () => undefined;
    let isOver = false;
    const later = (ms: number): void => {
      if (!isOver) cancel = clock.after(ms, () => void again());
    };
    const ask = async (): Promise<void> => {
      await this.#ask(subscription);
      backoff.reset();
      later(RENEW_MS);
    };
    const again = async (): Promise<void> => {
      await ask().catch((error: unknown) => {
        if (isFinal(error)) reader.fail(error as Error);
        else later(backoff.next());
      });
    };
    return {
      begin: async () => {
        await ask().catch((error: unknown) => {
          if (!subscription.isConfirmed || !isAbsence(error)) throw error;
          later(backoff.next());
        });
      },
      end: () => {
        isOver = true;
        cancel();
      },
    };
  }

  async #ask(subscription: Subscription): Promise<void> {
    const { id, peer, filter } = subscription;
    const question = { kind: 'durable', filter, id: uuidToBytes(id) } as const;
    const { count } = await this.#deps.ask(peer, question);
    // The broker ended it meanwhile: what was published until now went elsewhere.
    if (subscription.isConfirmed && count === 0) subscription.queue.tell(GAP);
    if (subscription.isConfirmed) return;
    subscription.isConfirmed = true;
    this.#save(subscription);
  }

  #pump(subscription: Subscription): void {
    const { lost, queue } = subscription;
    if (!queue.pump(lost) || lost === 0) return;
    subscription.lost = 0;
    this.#save(subscription);
  }

  #save(subscription: Subscription): void {
    if (!subscription.isEnded) this.#deps.storage.owe([writeOf(subscription)]);
  }

  #isOverLimit(): boolean {
    const { maxMessages, maxBytes } = this.#deps.limits;
    let [messages, bytes] = [0, 0];
    for (const { queue } of this.#subscriptions.values()) {
      messages += queue.size;
      bytes += queue.bytes;
    }
    return messages > maxMessages / 2 || bytes > maxBytes / 2;
  }

  async #brokerOf(target: string): Promise<string> {
    const peer = await this.#deps.peerOf(target);
    if (peer !== undefined) return peer;
    throw new PilotError('not_supported', 'at-least-once is for the brokers of other nodes', {
      hint: 'subscribe to this node without it',
    });
  }

  #find(peer: string, filter: string): Subscription | undefined {
    return [...this.#subscriptions.values()].find(
      (one) => one.peer === peer && one.filter === filter,
    );
  }

  async #make(peer: string, filter: string): Promise<Subscription> {
    this.#makeRoom();
    const subscription = this.#add(peer, newUuid(this.#deps.clock, this.#deps.random), filter);
    await onDisk(this.#deps.storage.commit([writeOf(subscription)])).catch((error: unknown) => {
      this.#subscriptions.delete(nameOf(peer, subscription.id));
      throw error;
    });
    return subscription;
  }

  /** One that its broker never answered for can be made again. */
  #makeRoom(): void {
    if (this.#subscriptions.size < MAX_SUBSCRIPTIONS) return;
    for (const [name, { id, isConfirmed, queue }] of this.#subscriptions) {
      if (isConfirmed || queue.reader !== undefined) continue;
      this.#subscriptions.delete(name);
      this.#deps.storage.owe([{ table: 'topics', key: keyOf(id) }]);
      return;
    }
    throw new PilotError('unavailable', 'this node has too many at-least-once subscriptions', {
      hint: 'end one: pilotctl subscribe TARGET TOPIC --forget',
    });
  }

  #add(peer: string, id: string, filter: string): Subscription {
    const queue = new DurableQueue(this.#deps.inbox);
    const added = { id, peer, filter, queue, isConfirmed: false, lost: 0, isEnded: false };
    this.#subscriptions.set(nameOf(peer, id), added);
    return added;
  }

  #of({ sender, correlationId }: InboxEntry): Subscription | undefined {
    return this.#subscriptions.get(nameOf(sender, correlationId));
  }

  #isForgotten({ sender, correlationId }: InboxEntry): boolean {
    return this.#forgotten.has(nameOf(sender, correlationId));
  }

  #expireForgotten(): void {
    const startMs = this.#deps.clock.now() - FORGOTTEN_MS;
    const oldestFirst = [...this.#forgotten].sort(([, a], [, b]) => a - b);
    for (const [name, endedMs] of oldestFirst) {
      if (endedMs >= startMs && this.#forgotten.size <= MAX_FORGOTTEN) return;
      this.#forgotten.delete(name);
      this.#deps.storage.owe([{ table: 'topics', key: keyOf(name.split(' ')[1] ?? '') }]);
    }
  }
}

function isAbsence(error: unknown): boolean {
  const codes = ['connection_failed', 'connection_refused', 'timeout', 'unavailable'];
  return error instanceof PilotError && codes.includes(error.code);
}

function taken(topic: string): PilotError {
  return new PilotError('already_exists', `another program reads ${topic} of that node`, {
    hint: 'an at-least-once subscription has one reader at a time',
  });
}

function notSubscribed(topic: string): PilotError {
  return new PilotError('not_found', `no at-least-once subscription to ${topic}`, {
    hint: 'it has the very topic and target that it was made with',
  });
}

function nameOf(peer: string, id: string): string {
  return `${peer} ${id}`;
}

function keyOf(id: string): Uint8Array {
  return concatBytes(PREFIX, uuidToBytes(id));
}

function writeOf({ id, peer, filter, isConfirmed, lost }: Subscription): Write {
  const value = encodeCbor({ p: peer, t: filter, c: isConfirmed, d: lost });
  return { table: 'topics', key: keyOf(id), value };
}
