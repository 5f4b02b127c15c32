import type { InboxEntry } from './inbox-entry.ts';

/** A part of the daemon that has messages of its own in the inbox: in no list, and no event for callers. */
export interface MailClaim {
  isClaimed(entry: InboxEntry): boolean;
  /** One of them has come. */
  received(entry: InboxEntry): void;
}
