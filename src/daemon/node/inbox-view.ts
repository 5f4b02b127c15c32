/** The inbox as callers ask for it. */
import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type {
  InboxCleared,
  InboxList,
  InboxQuery,
  InboxReadQuery,
  IncomingMessage,
} from '../../client/api.ts';
import type { Inbox } from '../messages/inbox.ts';
import type { InboxEntry } from '../messages/inbox-entry.ts';
import type { Messages } from '../messages/messages.ts';
import { parseTime } from '../messages/time-text.ts';
import { onDisk } from '../store/on-disk.ts';

interface InboxViewDeps {
  readonly clock: Clock;
  readonly inbox: Inbox;
  readonly messages: Messages;
  /** The first key (hexadecimal) of the sender that a caller names. */
  readonly peerNamed: (target: string) => string;
  /** In no list, and not cleared: it is for another part of the daemon. */
  readonly isClaimed: (entry: InboxEntry) => boolean;
}

/** Of a list whose caller names none. */
const DEFAULT_LIMIT = 100;
const HINT = { hint: 'See what is there: pilotctl inbox' };

export class InboxView {
  readonly #deps: InboxViewDeps;

  constructor(deps: InboxViewDeps) {
    this.#deps = deps;
  }

  list(query: InboxQuery): InboxList {
    const { clock, inbox, messages, peerNamed } = this.#deps;
    const sender = query.from === undefined ? undefined : peerNamed(query.from);
    const sinceMs = query.since === undefined ? 0 : parseTime(query.since, clock.now());
    const limit = query.limit ?? DEFAULT_LIMIT;
    const shown: IncomingMessage[] = [];
    let total = 0;
    for (const entry of this.#unclaimed()) {
      const isMeant =
        (sender === undefined || entry.sender === sender) &&
        entry.receivedAtMs >= sinceMs &&
        !(query.unread === true && entry.isRead);
      if (!isMeant) continue;
      total += 1;
      if (shown.length >= limit) continue;
      const payload = query.full === true ? inbox.payloadOf(entry) : undefined;
      shown.push(messages.incoming(entry, payload));
    }
    return { messages: shown, total, shown: shown.length };
  }

  read(id: string, query: InboxReadQuery): IncomingMessage {
    const entry = this.#find(id);
    const payload = this.#deps.inbox.payloadOf(entry);
    const read = query.peek === true ? entry : this.#deps.inbox.markRead(entry);
    return this.#deps.messages.incoming(read, payload);
  }

  markRead(id: string): IncomingMessage {
    const read = this.#deps.inbox.markRead(this.#find(id));
    return this.#deps.messages.incoming(read);
  }

  async clear(before: string | undefined): Promise<InboxCleared> {
    const { clock, inbox, isClaimed } = this.#deps;
    const beforeMs = before === undefined ? Infinity : parseTime(before, clock.now());
    const isMeant = (entry: InboxEntry): boolean =>
      entry.receivedAtMs < beforeMs && !isClaimed(entry);
    const cleared = await onDisk(inbox.clear(isMeant));
    return { cleared, remaining: [...this.#unclaimed()].length };
  }

  *#unclaimed(): Iterable<InboxEntry> {
    for (const entry of this.#deps.inbox.newestFirst()) {
      if (!this.#deps.isClaimed(entry)) yield entry;
    }
  }

  #find(id: string): InboxEntry {
    const entry = this.#deps.inbox.find(id.toLowerCase());
    if (entry !== undefined) return entry;
    throw new PilotError('not_found', `no message ${id} in the inbox`, HINT);
  }
}
