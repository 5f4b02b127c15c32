import { PilotError } from '../../base/pilot-error.ts';
import type { InboxEntry } from './inbox-entry.ts';

/** A reply as its waiter gets it; the inbox keeps none of it. */
export interface Reply {
  readonly entry: InboxEntry;
  readonly payload: Uint8Array;
}

export interface Waiter {
  readonly reply: Promise<Reply>;
  /** Stops waiting: a reply that comes later goes to the inbox. Harmless when it is over. */
  end(): void;
}

interface Waiting {
  readonly peer: string;
  readonly messageId: string;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: PilotError) => void;
}

/** Each holds a caller's request open; more at once is a caller gone wrong. */
const MAX_WAITERS = 1024;

/**
 * Callers that wait for the reply to a message. A reply is theirs only when all of it fits: the sender's
 * key, the correlation id, and the id of the message it answers.
 */
export class Waiters {
  readonly #waiting = new Map<string, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  /** PilotError `unavailable` when too many wait, `conflict` when somebody waits for this one. */
  add(peer: string, correlationId: string, messageId: string): Waiter {
    const key = keyOf(peer, correlationId, messageId);
    if (this.#waiting.size >= MAX_WAITERS) {
      throw new PilotError('unavailable', `${MAX_WAITERS} callers wait for replies already`, {
        hint: 'Send without waiting, and look for the reply in the inbox.',
      });
    }
    if (this.#waiting.has(key)) {
      throw new PilotError('conflict', `somebody waits for the reply to ${messageId} already`);
    }
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(key, { peer, messageId, resolve, reject });
    });
    // Nobody has to listen: the caller may be gone by then.
    reply.catch(() => undefined);
    const waiting = this.#waiting.get(key);
    return {
      reply,
      end: () => {
        if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      },
    };
  }

  isAwaited(entry: Pick<InboxEntry, 'sender' | 'correlationId' | 'replyTo'>): boolean {
    return this.#waiting.has(keyOf(entry.sender, entry.correlationId, entry.replyTo));
  }

  /** Hands the reply to who waits for it; false when nobody does (any more). */
  claim(reply: Reply): boolean {
    const { sender, correlationId, replyTo } = reply.entry;
    const key = keyOf(sender, correlationId, replyTo);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return false;
    this.#waiting.delete(key);
    waiting.resolve(reply);
    return true;
  }

  /** The message died: no reply will come. */
  fail(messageId: string, error: PilotError): void {
    for (const [key, waiting] of this.#waiting) {
      if (waiting.messageId !== messageId) continue;
      this.#waiting.delete(key);
      waiting.reject(error);
    }
  }

  failAll(error: PilotError, peer?: string): void {
    for (const [key, waiting] of this.#waiting) {
      if (peer !== undefined && waiting.peer !== peer) continue;
      this.#waiting.delete(key);
      waiting.reject(error);
    }
  }
}

function keyOf(peer: string, correlationId: string, messageId: string): string {
  return `${peer}/${correlationId}/${messageId}`;
}
