/**
 * Messages as callers see them: sent, confirmed, answered, received.
 *
 *     send ──> target, payload, reply ──> waiter ──> outbox ──> on disk ──> confirmed? ──> answered?
 *     received ──> somebody waits for this reply? ──yes──> handed over, out of the inbox
 *                                               └──no───> event `message.received`
 */
import type { Clock } from '../../base/clock.ts';
import { Deadlines } from '../../base/deadlines.ts';
import type { Emitter } from '../../base/events.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import type {
  EventMap,
  IncomingMessage,
  MessageStatus,
  NodeNames,
  OutgoingMessage,
  SendMessageReply,
  SendMessageRequest,
} from '../../client/api.ts';
import type { Log } from '../log/log.ts';
import type { Inbox } from './inbox.ts';
import type { InboxEntry } from './inbox-entry.ts';
import { incomingView, outgoingView } from './message-views.ts';
import type { NewMessage, Outbox } from './outbox.ts';
import { EXPIRED, type OutboxEntry } from './outbox-entry.ts';
import { checkMessage, type SendLimits } from './send-request.ts';
import { newUuid } from './uuid-bytes.ts';
import { type Reply, type Waiter, Waiters } from './waiters.ts';

export interface MessagesDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly limits: SendLimits;
  readonly events: Emitter<EventMap>;
  readonly trace: (entry: Pick<OutboxEntry, 'id' | 'correlationId' | 'peer'>) => object;
  readonly namesOf: (peer: string) => NodeNames;
  /** Why a message to this peer waits. */
  readonly waitsFor: (peer: string) => string;
  /** There is something for this peer. */
  readonly wake: (peer: string) => void;
}

interface Confirmation {
  readonly ms: number;
  /** That is waited for, too. */
  readonly reply: Promise<Reply> | undefined;
  readonly signal: AbortSignal | undefined;
}

const CONFIRMED: ReadonlySet<MessageStatus> = new Set(['stored', 'delivered', 'dead']);

export class Messages {
  readonly statusCounts: Record<MessageStatus, number> = {
    queued: 0,
    sent: 0,
    stored: 0,
    delivered: 0,
    dead: 0,
  };
  readonly #deps: MessagesDeps;
  readonly #waiters = new Waiters();
  readonly #deadlines: Deadlines;
  readonly #watchers = new Map<OutboxEntry, Set<() => void>>();

  constructor(deps: MessagesDeps) {
    this.#deps = deps;
    this.#deadlines = new Deadlines(deps.clock);
  }

  /** Sends to a trusted peer; see `NodeApi.send`. */
  async send(
    peer: string,
    request: SendMessageRequest,
    signal?: AbortSignal,
  ): Promise<SendMessageReply> {
    const { clock, outbox } = this.#deps;
    signal?.throwIfAborted();
    const message = this.#prepare(peer, request);
    const startMs = clock.monotonic();
    const isRepeated = outbox.find(message.id) !== undefined;
    const waiter =
      request.wait_ms === undefined
        ? undefined
        : this.#waiters.add(peer, message.correlationId, message.id);
    try {
      const entry = await this.#enqueue(message, waiter !== undefined);
      await this.#confirmed(entry, { ms: request.confirm_ms ?? 0, reply: waiter?.reply, signal });
      if (waiter === undefined) return this.view(entry);
      const missed = isRepeated ? this.#missedReply(entry) : undefined;
      const reply = missed ?? (await this.#replied(waiter, entry, request.wait_ms ?? 0, signal));
      return {
        ...this.view(outbox.find(entry.id) ?? entry),
        reply: incomingView(reply.entry, this.#deps.namesOf(peer), reply.payload),
        reply_after_ms: Math.round(clock.monotonic() - startMs),
      };
    } finally {
      waiter?.end();
    }
  }

  /** Queues a message at once; resolves when it is on disk. PilotError `unavailable`, thrown or by it: there is no room. */
  post(message: NewMessage): { readonly onDisk: Promise<void> } {
    return this.#put(message, 'soon');
  }

  view(entry: OutboxEntry): OutgoingMessage {
    const { namesOf, waitsFor } = this.#deps;
    return outgoingView(entry, namesOf(entry.peer), waitsFor(entry.peer));
  }

  /** An entry of the outbox has changed. */
  changed(entry: OutboxEntry): void {
    this.statusCounts[entry.state] += 1;
    if (entry.state === 'dead') this.#waiters.fail(entry.id, deathOf(entry));
    for (const wake of [...(this.#watchers.get(entry) ?? [])]) wake();
    const { events } = this.#deps;
    if (events.isHeard('message.status')) events.emit('message.status', this.view(entry));
  }

  isAwaited(sender: string, item: { correlationId: string; replyTo: string }): boolean {
    const { correlationId, replyTo } = item;
    return replyTo !== '' && this.#waiters.isAwaited({ sender, correlationId, replyTo });
  }

  /** There is a new message in the inbox; it is on its way to the disk. */
  received(entry: InboxEntry, payload: Uint8Array): void {
    const { events, inbox, log, trace } = this.#deps;
    const fields = trace({ ...entry, peer: entry.sender });
    if (entry.replyTo !== '' && this.#waiters.claim({ entry, payload })) {
      log.info(fields, 'reply received');
      inbox.remove(entry);
      return;
    }
    log.info(fields, 'message received');
    if (events.isHeard('message.received')) {
      events.emit('message.received', this.incoming(entry, payload));
    }
  }

  incoming(entry: InboxEntry, payload?: Uint8Array): IncomingMessage {
    return incomingView(entry, this.#deps.namesOf(entry.sender), payload);
  }

  /** No reply of this peer, or of any, will be waited for any longer. */
  failWaiters(error: PilotError, peer?: string): void {
    this.#waiters.failAll(error, peer);
  }

  #prepare(peer: string, request: SendMessageRequest): NewMessage {
    const { clock, inbox, limits, random } = this.#deps;
    const { type, payload, id, replyTo, lifeMs } = checkMessage(request, limits);
    const known = id === undefined ? undefined : this.#deps.outbox.find(id);
    if (known !== undefined && known.peer !== peer) {
      throw new PilotError('conflict', `message ${known.id} went to another node`, {
        hint: 'Use an id once, or let the daemon make it.',
      });
    }
    const inherited = replyTo === '' ? undefined : inbox.correlationOf(peer, replyTo);
    if (replyTo !== '' && inherited === undefined) {
      throw new PilotError('not_found', `no message ${replyTo} came from that node`, {
        hint: 'See what came: pilotctl inbox',
      });
    }
    return {
      id: id ?? newUuid(clock, random),
      correlationId: known?.correlationId ?? inherited ?? newUuid(clock, random),
      expiresAtMs: clock.now() + lifeMs,
      ...{ peer, replyTo, type, payload },
    };
  }

  /**
   * Puts it into the outbox, unless a call before did. Returns when it is on disk; when its caller waits for
   * the reply, which is worth more than that, at once. A reply is on its way while the disk is asked, and
   * who serves has others to go on with: so it does not hold the process up for a transaction of its own.
   */
  async #enqueue(message: NewMessage, isForReply: boolean): Promise<OutboxEntry> {
    const { outbox } = this.#deps;
    const known = outbox.find(message.id);
    if (known !== undefined) {
      await outbox.settled();
      if (outbox.find(message.id) !== undefined) return known;
    }
    const isPatient = isForReply || message.replyTo !== '';
    const { entry, onDisk } = this.#put(message, isPatient ? 'soon' : 'now');
    if (isForReply) {
      onDisk.catch((error: unknown) => {
        this.#waiters.fail(entry.id, error as PilotError);
      });
    } else {
      await onDisk;
    }
    return entry;
  }

  #put(message: NewMessage, when: 'now' | 'soon'): { entry: OutboxEntry; onDisk: Promise<void> } {
    const { outbox, log, trace, wake } = this.#deps;
    const { entry, durable } = outbox.add(message, when);
    log.debug(trace(entry), 'message queued');
    // A session takes it at once; a mailbox when it is on disk.
    wake(message.peer);
    const onDisk = durable.then(() => {
      wake(message.peer);
    });
    return { entry, onDisk };
  }

  /** A reply says as much, and what ends the wait for it ends this one. */
  async #confirmed(entry: OutboxEntry, { ms, reply, signal }: Confirmation): Promise<void> {
    if (ms <= 0 || CONFIRMED.has(entry.state)) return;
    let stop = (): void => undefined;
    const confirmed = new Promise<void>((resolve) => {
      const watchers = this.#watchers.get(entry) ?? new Set();
      this.#watchers.set(entry, watchers);
      const check = (): void => {
        if (CONFIRMED.has(entry.state)) resolve();
      };
      watchers.add(check);
      stop = () => {
        watchers.delete(check);
        if (watchers.size === 0) this.#watchers.delete(entry);
      };
    });
    try {
      await this.#deadlines.race(Promise.race([confirmed, reply ?? confirmed]), ms, signal);
    } finally {
      stop();
    }
  }

  /** The reply to a message that a call before this one has sent, and did not live to get. */
  #missedReply({ id, peer, correlationId }: OutboxEntry): Reply | undefined {
    const { inbox } = this.#deps;
    for (const entry of inbox.newestFirst()) {
      const isMeant = entry.sender === peer && entry.replyTo === id;
      if (!isMeant || entry.correlationId !== correlationId) continue;
      const payload = inbox.payloadOf(entry);
      inbox.remove(entry);
      return { entry, payload };
    }
    return undefined;
  }

  async #replied(
    waiter: Waiter,
    entry: OutboxEntry,
    ms: number,
    signal?: AbortSignal,
  ): Promise<Reply> {
    if (entry.state === 'dead') throw deathOf(entry);
    const reply = await this.#deadlines.race(waiter.reply, ms, signal);
    if (reply !== undefined) return reply;
    const { id } = this.#deps.namesOf(entry.peer);
    const { status, reason } = this.view(entry);
    const waits = status === 'queued' && reason !== '' ? ` (${reason})` : '';
    throw new PilotError('timeout', `no reply from ${id} within ${ms} ms`, {
      hint:
        `The message is ${status}${waits}; a reply that comes later goes to the inbox. ` +
        `See: pilotctl outbox list, pilotctl inbox`,
    });
  }
}

function deathOf({ id, reason }: OutboxEntry): PilotError {
  const message = `message ${id} was not delivered: ${reason}`;
  const hint = 'See the dead letters: pilotctl outbox list; send one again: pilotctl outbox retry';
  if (reason.startsWith(EXPIRED)) return new PilotError('expired', message, { hint });
  if (reason === 'trust_required' || reason === 'untrusted') {
    return new PilotError('trust_required', message, {
      hint: 'The other node does not trust this one (any more). Ask it: pilotctl handshake',
    });
  }
  return new PilotError('connection_failed', message, { hint });
}
