import { createHash } from 'node:crypto';

import { BoundedMap } from '../base/bounded-map.ts';
import { type ErrorCode, PilotError } from '../base/pilot-error.ts';
import type { InboxList, IncomingMessage } from './api.ts';
import type { EventStream } from './event-stream.ts';
import type { Payload } from './payload.ts';

export interface ServeOptions {
  /** Ends serving: nothing more is taken, what runs is awaited. Handlers see it too. */
  readonly signal?: AbortSignal;
  /** Requests handled at once; 1 keeps the order. */
  readonly concurrency?: number;
  /** How often one request is tried before it is left alone, unread, until the next start. */
  readonly attempts?: number;
  /** The pause before the second attempt; doubles from then on. */
  readonly retryDelayMs?: number;
  /** Called once the daemon tells of new requests and those that waited are known. */
  readonly onReady?: () => void;
  /** Called when a handler, or sending its reply, failed. */
  readonly onFailure?: (failure: ServeFailure) => void;
}

export interface ServeFailure {
  readonly message: IncomingMessage;
  readonly error: unknown;
  readonly attempt: number;
  /** Undefined: it will not be tried again. */
  readonly retryInMs: number | undefined;
}

/** Gives the reply, or undefined for none. */
export type RequestHandler = (
  message: IncomingMessage,
  context: { readonly signal: AbortSignal },
) => Promise<Payload | undefined> | Payload | undefined;

/** What serving needs of a client. */
export interface ServeDeps {
  subscribe(): Promise<EventStream<'message.received'>>;
  /** Unread messages without their payloads, newest first. */
  unread(limit: number): Promise<InboxList>;
  /** One message with its payload, left unread. */
  peek(id: string): Promise<IncomingMessage>;
  reply(message: IncomingMessage, payload: Payload, messageId: string): Promise<unknown>;
  markRead(id: string): Promise<unknown>;
}

/** As many as an inbox holds by default; past it the inbox is listed again when there is room. */
const MAX_QUEUED = 10_000;

/**
 * Answers requests from the inbox, old ones first:
 *
 *     unread ──> queued ──> handler ──> reply taken by the daemon ──> marked as read
 *                  ^           │ failed
 *                  └── pause ──┘        after the last attempt: left unread
 *
 * A crash anywhere before the mark runs the handler again at the next start. Its reply carries an id
 * made from the request's, so the other side sees one reply at most. Messages that are replies
 * themselves are not requests: two serving nodes would answer each other for ever.
 */
export class RequestServer {
  readonly #deps: ServeDeps;
  readonly #handler: RequestHandler;
  readonly #options: Required<Omit<ServeOptions, 'signal'>>;
  readonly #stop = new AbortController();
  readonly #queue: Job[] = [];
  /** Queued, running or pausing. */
  readonly #known = new Set<string>();
  readonly #givenUp = new BoundedMap<string, true>(MAX_QUEUED);
  readonly #running = new Set<Promise<void>>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #overflowed = false;
  #fail: (error: unknown) => void = () => undefined;

  constructor(
    deps: ServeDeps,
    handler: RequestHandler,
    options: Omit<ServeOptions, 'signal'> = {},
  ) {
    this.#deps = deps;
    this.#handler = handler;
    this.#options = {
      concurrency: options.concurrency ?? 4,
      attempts: options.attempts ?? 3,
      retryDelayMs: options.retryDelayMs ?? 1000,
      onReady: options.onReady ?? (() => undefined),
      onFailure: options.onFailure ?? (() => undefined),
    };
  }

  /** Serves until the signal is aborted (resolves) or the daemon is gone (rejects). Once only. */
  async run(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const events = await this.#deps.subscribe();
    let failure: unknown;
    this.#fail = (error) => {
      failure ??= error;
      this.#stop.abort(error);
      events.close();
    };
    const stop = (): void => {
      this.#stop.abort(signal?.reason);
      events.close();
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      if (signal?.aborted === true) stop();
      else {
        await this.#listUnread();
        this.#options.onReady();
      }
      for await (const { data } of events) this.#enqueue(data);
    } catch (error) {
      if (signal?.aborted !== true) throw failure ?? error;
    } finally {
      signal?.removeEventListener('abort', stop);
      // Also where it came to nothing before the first of them was asked for.
      events.close();
      this.#stop.abort();
      for (const pause of this.#pauses) clearTimeout(pause);
      await Promise.allSettled(this.#running);
    }
  }

  async #listUnread(): Promise<void> {
    this.#overflowed = false;
    const { messages } = await this.#deps.unread(MAX_QUEUED);
    const before = this.#known.size;
    for (const message of messages.toReversed()) this.#enqueue(message);
    // There are older ones; where none of these was for us, listing again would give the same.
    if (messages.length >= MAX_QUEUED && this.#known.size > before) this.#overflowed = true;
  }

  #enqueue(message: IncomingMessage): void {
    const { id } = message;
    if (message.reply_to !== '' || message.read) return;
    if (this.#known.has(id) || this.#givenUp.has(id)) return;
    if (this.#known.size >= MAX_QUEUED) {
      this.#overflowed = true;
      return;
    }
    this.#known.add(id);
    // Payloads wait on disk, not here.
    const isNext = message.data !== undefined && this.#queue.length < this.#options.concurrency;
    this.#queue.push({ id, attempt: 1, message: isNext ? message : undefined });
    this.#pump();
  }

  #pump(): void {
    while (!this.#stop.signal.aborted && this.#running.size < this.#options.concurrency) {
      const job = this.#queue.shift();
      if (job === undefined) break;
      const work = this.#work(job).finally(() => {
        this.#running.delete(work);
        this.#pump();
      });
      this.#running.add(work);
    }
    if (this.#overflowed && this.#known.size < MAX_QUEUED / 2) {
      void this.#listUnread().catch(this.#fail);
    }
  }

  async #work(job: Job): Promise<void> {
    let message = job.message;
    try {
      message ??= await this.#deps.peek(job.id);
      await this.#answer(message);
      this.#known.delete(job.id);
    } catch (error) {
      const isCleared = message === undefined && isCode(error, 'not_found');
      if (isCleared || error instanceof Cleared) this.#known.delete(job.id);
      else if (message === undefined || error instanceof DaemonGone) this.#fail(causeOf(error));
      else if (!this.#stop.signal.aborted) this.#retry({ ...job, message }, error);
    }
  }

  async #answer(message: IncomingMessage): Promise<void> {
    const payload = await this.#handler(message, { signal: this.#stop.signal });
    try {
      if (payload !== undefined) await this.#deps.reply(message, payload, replyIdOf(message.id));
      await this.#deps.markRead(message.id);
    } catch (error) {
      if (isCode(error, 'not_found')) throw new Cleared('the message is gone', { cause: error });
      const isGone = isCode(error, 'not_running') || isCode(error, 'connection_failed');
      throw isGone ? new DaemonGone('the daemon is gone', { cause: error }) : error;
    }
  }

  #retry(job: Job & { message: IncomingMessage }, error: unknown): void {
    const isLast = job.attempt >= this.#options.attempts;
    const delayMs = this.#options.retryDelayMs * 2 ** (job.attempt - 1);
    const retryInMs = isLast ? undefined : delayMs;
    this.#options.onFailure({ message: job.message, error, attempt: job.attempt, retryInMs });
    if (isLast) {
      this.#known.delete(job.id);
      this.#givenUp.set(job.id, true);
      return;
    }
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#queue.push({ id: job.id, attempt: job.attempt + 1, message: undefined });
      this.#pump();
    }, delayMs);
    this.#pauses.add(pause);
  }
}

interface Job {
  readonly id: string;
  readonly attempt: number;
  readonly message: IncomingMessage | undefined;
}

class DaemonGone extends Error {}

/** Somebody has deleted the message meanwhile; a handler may say `not_found` of something else. */
class Cleared extends Error {}

/** One request, one reply id: a UUIDv8 (RFC 9562, section 5.8) from SHA-256 over the request's id. */
export function replyIdOf(requestId: string): string {
  const hash = createHash('sha256').update(`pilot reply\0${requestId}`).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
}

function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof PilotError && error.code === code;
}

function causeOf(error: unknown): unknown {
  return error instanceof DaemonGone ? error.cause : error;
}
