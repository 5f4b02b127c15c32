/**
 * What this node has to deliver. Entries are kept in memory, payloads on disk. Every message is in
 * exactly one of three places:
 *
 *     queues (per peer, in order)   on its way            table outbox, payload in outbox-payloads
 *     dead letters (1,000)          to be looked at       table outbox, payload in outbox-payloads
 *     history (1,000)               delivered or dropped  table outbox-history
 *
 * Only what a caller was promised is waited for on the disk: that a message is kept. Progress
 * (`stored`, attempts, delivered) is owed to the store; losing it costs a repeated delivery, which the
 * receiver recognises.
 */
import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { MessageType } from '../../client/api.ts';
import { onDisk } from '../store/on-disk.ts';
import {
  sequenceKey,
  sequenceOf,
  type Storage,
  type Write,
  type Writes,
} from '../store/storage.ts';
import { DeadLetters } from './dead-letters.ts';
import {
  decodeOutboxEntry,
  encodeOutboxEntry,
  entryWrite,
  type OutboxEntry,
  removalOf,
} from './outbox-entry.ts';
import { OutboxHistory } from './outbox-history.ts';
import { PeerQueue } from './peer-queue.ts';

export interface OutboxLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export interface NewMessage {
  readonly id: string;
  readonly correlationId: string;
  readonly replyTo: string;
  readonly peer: string;
  readonly type: MessageType;
  readonly payload: Uint8Array;
  readonly expiresAtMs: number;
}

interface OutboxDeps {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly limits: OutboxLimits;
  /** The reason of a message to this peer that nobody got in time: `EXPIRED`, and perhaps more. */
  readonly whyExpired: (peer: string) => string;
  /** After every change of an entry's state, attempts or reason. */
  readonly changed: (entry: OutboxEntry) => void;
}

type Draft = { -readonly [Key in keyof OutboxEntry]: OutboxEntry[Key] };

export class Outbox {
  readonly #deps: OutboxDeps;
  readonly #byId = new Map<string, OutboxEntry>();
  readonly #queues = new Map<string, PeerQueue>();
  readonly #dead = new DeadLetters();
  readonly #history: OutboxHistory;
  /** Payloads that are not on disk yet, by sequence number. */
  readonly #unwritten = new Map<number, Uint8Array>();
  #nextSequence = 1;
  #nextExpiryMs = Infinity;
  #live = 0;
  #bytes = 0;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    this.#history = new OutboxHistory(deps.storage);
    for (const [key, value] of deps.storage.entries('outbox')) {
      const entry = decodeOutboxEntry(sequenceOf(key), value);
      this.#nextSequence = entry.sequence + 1;
      this.#byId.set(entry.id, entry);
      this.#bytes += entry.bytes;
      if (entry.state === 'dead') this.#dead.add(entry);
      else this.#enqueue(entry);
    }
    for (const { sequence } of this.#history.values()) {
      this.#nextSequence = Math.max(this.#nextSequence, sequence + 1);
    }
  }

  /** Messages on their way. */
  get size(): number {
    return this.#live;
  }

  /** Of payloads, dead letters' too. */
  get bytes(): number {
    return this.#bytes;
  }

  find(id: string): OutboxEntry | undefined {
    return this.#byId.get(id) ?? this.#history.get(id);
  }

  /** The messages to a peer in order; undefined when there are none. */
  queueOf(peer: string): PeerQueue | undefined {
    return this.#queues.get(peer);
  }

  peersWithMessages(): string[] {
    return [...this.#queues.keys()];
  }

  /** Messages on their way and dead letters, oldest first. */
  list(): OutboxEntry[] {
    const all = [...this.#dead, ...[...this.#queues.values()].flatMap((q) => [...q])];
    return all.sort((a, b) => a.sequence - b.sequence);
  }

  /** Its caller has been told, or is about to be, that it is kept. */
  isOnDisk({ sequence }: OutboxEntry): boolean {
    return !this.#unwritten.has(sequence);
  }

  /** Undefined only when the disk lost what it had. */
  payloadOf({ sequence }: OutboxEntry): Uint8Array | undefined {
    return (
      this.#unwritten.get(sequence) ??
      this.#deps.storage.get('outbox-payloads', sequenceKey(sequence))
    );
  }

  /**
   * Queues a message at once; `durable` resolves when it is on disk, and only then may a caller be told
   * its id. `soon`: the caller is told something else. PilotError `unavailable` (thrown, or by `durable`): the
   * outbox is full, the disk refused.
   */
  add(
    message: NewMessage,
    when: 'now' | 'soon' = 'now',
  ): { entry: OutboxEntry; durable: Promise<void> } {
    this.#makeRoom(message.payload.length);
    const { payload, ...names } = message;
    const entry: OutboxEntry = {
      ...names,
      sequence: this.#nextSequence++,
      bytes: payload.length,
      createdAtMs: this.#deps.clock.now(),
      state: 'queued',
      relay: '',
      attempts: 0,
      reason: '',
    };
    return { entry, durable: this.#keep(entry, payload, { when }) };
  }

  /** Resolves when everything asked for until now is on disk. */
  async settled(): Promise<void> {
    await this.#onDisk([]);
  }

  markSent(entry: OutboxEntry): void {
    if (entry.state === 'queued') this.#change(entry, { state: 'sent', reason: '' });
  }

  markStored(entries: readonly OutboxEntry[], relay: string): void {
    for (const entry of entries) {
      if (!this.#isLive(entry)) continue;
      this.#change(entry, { state: 'stored', relay, reason: '' });
      this.#deps.storage.owe([entryWrite(entry)]);
    }
  }

  /** It was on its way and did not arrive: it waits again. */
  markQueued(entry: OutboxEntry, reason: string): void {
    if (entry.state === 'sent') this.#change(entry, { state: 'queued', reason });
  }

  /** The receiver refused it for now: one attempt more. */
  countAttempt(entry: OutboxEntry, reason: string): void {
    if (!this.#isLive(entry)) return;
    this.#change(entry, { state: 'queued', relay: '', attempts: entry.attempts + 1, reason });
    this.#deps.storage.owe([entryWrite(entry)]);
  }

  /** The receiver has it. A dead letter whose receipt comes late was delivered after all. */
  markDelivered(id: string, peer: string): OutboxEntry | undefined {
    const entry = this.#byId.get(id);
    if (entry?.peer !== peer) return undefined;
    this.#finish(entry, { state: 'delivered', reason: '' });
    return entry;
  }

  kill(entry: OutboxEntry, reason: string): void {
    if (!this.#isLive(entry)) return;
    this.#dequeue(entry);
    this.#dead.add(entry);
    this.#deps.storage.owe([entryWrite({ ...entry, state: 'dead', reason })]);
    const { surplus } = this.#dead;
    if (surplus !== undefined) this.#forget(surplus);
    this.#change(entry, { state: 'dead', reason });
  }

  killAll(peer: string, reason: string): void {
    for (const entry of [...(this.#queues.get(peer) ?? [])]) this.kill(entry, reason);
  }

  /** Makes dead letters of what is past its expiry; true when that was something. Cheap to call often. */
  expire(): boolean {
    const nowMs = this.#deps.clock.now();
    if (nowMs < this.#nextExpiryMs) return false;
    this.#nextExpiryMs = Infinity;
    for (const queue of [...this.#queues.values()]) {
      for (const entry of queue) {
        if (entry.expiresAtMs <= nowMs) this.kill(entry, this.#deps.whyExpired(entry.peer));
        else this.#nextExpiryMs = Math.min(this.#nextExpiryMs, entry.expiresAtMs);
      }
    }
    return true;
  }

  /** A dead letter goes to the end of its queue, with as long to live as it had. */
  async retry(id: string): Promise<OutboxEntry> {
    const dead = this.#dead.get(id);
    if (dead === undefined) throw this.#notWaiting(id, 'a dead letter');
    const payload = this.payloadOf(dead);
    if (payload === undefined) {
      throw new PilotError('internal', `the payload of ${id} is not in the database any more`, {
        hint: `Drop it and send it again: pilotctl outbox drop ${id}`,
      });
    }
    const nowMs = this.#deps.clock.now();
    const again: OutboxEntry = {
      ...dead,
      sequence: this.#nextSequence++,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + (dead.expiresAtMs - dead.createdAtMs),
      state: 'queued',
      relay: '',
      attempts: 0,
      reason: '',
    };
    this.#dead.remove(dead);
    this.#bytes -= dead.bytes;
    try {
      await this.#keep(again, payload, { before: removalOf(dead) });
    } catch (error) {
      this.#dead.add(dead);
      this.#byId.set(id, dead);
      this.#bytes += dead.bytes;
      throw error;
    }
    return again;
  }

  /** Takes a message out, on its way or dead; what is at the receiver or a relay already stays there. */
  async drop(id: string): Promise<OutboxEntry> {
    const entry = this.#byId.get(id);
    if (entry === undefined) throw this.#notWaiting(id, 'in the outbox');
    this.#finish(entry, { state: 'dead', reason: 'dropped' });
    await this.settled();
    return entry;
  }

  #notWaiting(id: string, what: string): PilotError {
    const found = this.find(id);
    const hint = 'See what is there: pilotctl outbox list';
    if (found === undefined) return new PilotError('not_found', `no message ${id}`, { hint });
    return new PilotError('conflict', `${id} is not ${what}: it is ${found.state}`, { hint });
  }

  async #keep(
    entry: OutboxEntry,
    payload: Uint8Array,
    { before = [], when = 'now' }: { before?: readonly Write[]; when?: 'now' | 'soon' },
  ): Promise<void> {
    this.#byId.set(entry.id, entry);
    this.#unwritten.set(entry.sequence, payload);
    this.#bytes += entry.bytes;
    this.#enqueue(entry);
    this.#deps.changed(entry);
    const key = sequenceKey(entry.sequence);
    try {
      await this.#onDisk(() => {
        // A fast receiver may have it by now; then there is nothing left to keep.
        if (!this.#isWaiting(entry)) return before;
        return [
          ...before,
          { table: 'outbox', key, value: encodeOutboxEntry(entry) },
          { table: 'outbox-payloads', key, value: payload },
        ];
      }, when);
    } catch (error) {
      if (!this.#isWaiting(entry)) {
        this.#deps.storage.owe(before);
        return;
      }
      if (this.#isLive(entry)) this.#dequeue(entry);
      // What was owed about it meanwhile must not be all that is left of it.
      if (entry.attempts > 0 || entry.state === 'dead') this.#forget(entry);
      else this.#remove(entry);
      throw error;
    } finally {
      this.#unwritten.delete(entry.sequence);
    }
  }

  /** On its way or a dead letter. */
  #isWaiting(entry: OutboxEntry): boolean {
    return this.#byId.get(entry.id) === entry;
  }

  async #onDisk(writes: Writes, when: 'now' | 'soon' = 'now'): Promise<void> {
    return onDisk(this.#deps.storage.commit(writes, when), 'the outbox');
  }

  #enqueue(entry: OutboxEntry): void {
    const queue = this.#queues.get(entry.peer) ?? new PeerQueue();
    this.#queues.set(entry.peer, queue);
    queue.push(entry);
    this.#live += 1;
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, entry.expiresAtMs);
  }

  #dequeue(entry: OutboxEntry): void {
    const queue = this.#queues.get(entry.peer);
    queue?.remove(entry);
    this.#live -= 1;
    if (queue?.size === 0) this.#queues.delete(entry.peer);
  }

  #isLive(entry: OutboxEntry): boolean {
    return entry.state === 'queued' || entry.state === 'sent' || entry.state === 'stored';
  }

  #finish(entry: OutboxEntry, to: Pick<OutboxEntry, 'state' | 'reason'>): void {
    if (this.#isLive(entry)) this.#dequeue(entry);
    this.#forget(entry);
    this.#history.add({ ...entry, ...to });
    this.#change(entry, to);
  }

  #forget(entry: OutboxEntry): void {
    this.#remove(entry);
    this.#deps.storage.owe(removalOf(entry));
  }

  #remove(entry: OutboxEntry): void {
    this.#dead.remove(entry);
    this.#byId.delete(entry.id);
    this.#bytes -= entry.bytes;
  }

  /** Dead letters make room for the living, oldest first. */
  #makeRoom(bytes: number): void {
    const { maxMessages, maxBytes } = this.#deps.limits;
    if (this.#live >= maxMessages || this.#bytes - this.#dead.bytes + bytes > maxBytes) {
      throw new PilotError('unavailable', `the outbox is full: ${this.#live} messages wait`, {
        hint:
          'See what waits with: pilotctl outbox list; drop what is not needed, or raise ' +
          'messaging.outbox.max_messages and max_mb.',
      });
    }
    for (let { oldest } = this.#dead; oldest !== undefined; { oldest } = this.#dead) {
      const fits = this.#live + this.#dead.size < maxMessages && this.#bytes + bytes <= maxBytes;
      if (fits) return;
      this.#forget(oldest);
    }
  }

  #change(entry: OutboxEntry, change: Partial<OutboxEntry>): void {
    Object.assign(entry as Draft, change);
    this.#deps.changed(entry);
  }
}
