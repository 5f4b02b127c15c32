/**
 * What came for this node, once and on disk. The key that recognises a repeated message (table
 * `seen`: sender ‖ id -> expiry ‖ correlation id) is written in the same transaction as the message,
 * and outlives it: a message is accepted only before its expiry, and its key is kept a day longer.
 *
 *     message ──> seen? ──yes──> duplicate: it is on disk, say so again
 *                  │no
 *                  ├──> no room ──> refused: inbox_full
 *                  └──> shown ──> one transaction ──failed──> gone again; refused: inbox_unavailable
 *                                      └──> stored
 *
 * A message is shown before it is on disk, since whoever reads it need not wait for what only its sender
 * is told: after a crash it comes again, as it does when the crash is a moment after the transaction. While
 * the disk refuses, messages are shown when they are on it, or a reader would see them at each attempt.
 */
import { concatBytes, fromHex, toHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { sequenceKey, sequenceOf, type Storage, type Write } from '../store/storage.ts';
import type { MessageItem } from './app-message.ts';
import { decodeInboxEntry, encodeInboxEntry, type InboxEntry, previewOf } from './inbox-entry.ts';
import { uuidFromBytes, uuidToBytes } from './uuid-bytes.ts';

export interface InboxLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export type Acceptance =
  | { readonly kind: 'stored'; readonly entry: InboxEntry }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'refused'; readonly code: 'inbox_full' | 'inbox_unavailable' };

interface InboxDeps {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly limits: InboxLimits;
  /** There is a new message. It may be removed at once. */
  readonly received: (entry: InboxEntry, payload: Uint8Array) => void;
}

/** A message that is not on disk yet. */
interface Writing {
  readonly correlationId: string;
  readonly kept: Promise<boolean>;
}

interface Arrival {
  readonly entry: InboxEntry;
  readonly item: MessageItem;
  /** In `seen`. */
  readonly key: Uint8Array;
  readonly isShown: boolean;
}

const UNAVAILABLE: Acceptance = { kind: 'refused', code: 'inbox_unavailable' };
/** Longer than clocks differ: a sender stops at the expiry by its clock, we refuse by ours. */
const SEEN_AFTER_EXPIRY_MS = 86_400_000;
/** One slice of the sweep through `seen` takes about a millisecond. */
const SWEEP_KEYS = 2048;

export class Inbox {
  readonly #deps: InboxDeps;
  /** By arrival number, oldest first. */
  readonly #entries = new Map<number, InboxEntry>();
  /** Ids are the senders' choice: of two messages with one id the later one has the name here. */
  readonly #byId = new Map<string, InboxEntry>();
  /** By their key in `seen`: a repetition waits for the same outcome. */
  readonly #writing = new Map<string, Writing>();
  /** Payloads that are not on disk yet, by arrival number. */
  readonly #unwritten = new Map<number, Uint8Array>();
  #diskWorks = true;
  #nextSequence = 1;
  #messages = 0;
  #bytes = 0;
  #unread = 0;
  #sweepFrom: Uint8Array | undefined;

  constructor(deps: InboxDeps) {
    this.#deps = deps;
    for (const [key, value] of deps.storage.entries('inbox')) {
      const entry = decodeInboxEntry(sequenceOf(key), value);
      this.#nextSequence = entry.sequence + 1;
      this.#messages += 1;
      this.#bytes += entry.bytes;
      this.#show(entry);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get unread(): number {
    return this.#unread;
  }

  /** What a sender's message had as correlation id; known longer than the message itself. */
  correlationOf(sender: string, id: string): string | undefined {
    const key = seenKey(sender, id);
    const writing = this.#writing.get(toHex(key));
    if (writing !== undefined) return writing.correlationId;
    const seen = this.#deps.storage.get('seen', key);
    return seen === undefined ? undefined : uuidFromBytes(seen.subarray(8, 24));
  }

  find(id: string): InboxEntry | undefined {
    return this.#byId.get(id);
  }

  /** Newest first. */
  *newestFirst(): Iterable<InboxEntry> {
    yield* [...this.#entries.values()].reverse();
  }

  payloadOf({ sequence }: InboxEntry): Uint8Array {
    return (
      this.#unwritten.get(sequence) ??
      this.#deps.storage.get('inbox-payloads', sequenceKey(sequence)) ??
      new Uint8Array()
    );
  }

  /**
   * Refusals for want of room are known at once; everything else when the disk has answered. Messages
   * accepted one after the other in one turn share a transaction and keep their order. `claimed`:
   * somebody waits for it and takes it away at once, so it needs no room.
   */
  accept(sender: string, item: MessageItem, claimed: boolean): Acceptance | Promise<Acceptance> {
    const key = seenKey(sender, item.id);
    const keyText = toHex(key);
    const writing = this.#writing.get(keyText);
    if (writing !== undefined) {
      return writing.kept.then((kept) => (kept ? this.#repeated(key, item) : UNAVAILABLE));
    }
    if (this.#deps.storage.get('seen', key) !== undefined) return this.#repeated(key, item);
    if (!claimed && !this.#hasRoom(item.payload.length)) {
      return { kind: 'refused', code: 'inbox_full' };
    }
    const entry = this.#entryOf(sender, item);
    const isShown = this.#diskWorks;
    if (isShown) this.#show(entry);
    this.#unwritten.set(entry.sequence, item.payload);
    const kept = this.#write({ entry, item, key, isShown }).finally(() => {
      this.#writing.delete(keyText);
    });
    this.#writing.set(keyText, { correlationId: item.correlationId, kept });
    if (isShown) this.#deps.received(entry, item.payload);
    return kept.then((isKept) => (isKept ? { kind: 'stored', entry } : UNAVAILABLE));
  }

  /** Takes a message out; what it was is remembered, so it does not come again. */
  remove(entry: InboxEntry): void {
    if (this.#hide(entry) && this.#isOnDisk(entry)) this.#deps.storage.owe(removalOf(entry));
  }

  /** Lost in a crash it is unread again, which costs a look and no message. */
  markRead(entry: InboxEntry): InboxEntry {
    const current = this.#entries.get(entry.sequence);
    if (current?.isRead === true) return current;
    const read = { ...(current ?? entry), isRead: true };
    if (current === undefined) return read; // cleared meanwhile
    this.#entries.set(read.sequence, read);
    if (this.#byId.get(read.id) === current) this.#byId.set(read.id, read);
    this.#unread -= 1;
    if (this.#isOnDisk(read)) this.#deps.storage.owe([entryWrite(read)]);
    return read;
  }

  /** Removes what is meant; resolves with how many those were. */
  async clear(isMeant: (entry: InboxEntry) => boolean = () => true): Promise<number> {
    const doomed = [...this.#entries.values()].filter(isMeant);
    await this.#deps.storage.commit(doomed.flatMap(removalOf));
    // One that was marked as read meanwhile was written once more.
    const rewritten = doomed.filter((entry) => this.#entries.get(entry.sequence) !== entry);
    if (rewritten.length > 0) this.#deps.storage.owe(rewritten.flatMap(removalOf));
    for (const entry of doomed) this.#hide(entry);
    return doomed.length;
  }

  /** Forgets keys that have outlived their messages' expiry: a slice of them at each call. */
  sweep(): void {
    const nowMs = this.#deps.clock.now();
    const stale: Write[] = [];
    let seen = 0;
    let last: Uint8Array | undefined;
    const range = { limit: SWEEP_KEYS, ...(this.#sweepFrom && { start: this.#sweepFrom }) };
    for (const [key, value] of this.#deps.storage.entries('seen', range)) {
      seen += 1;
      last = key;
      if (sequenceOf(value) + SEEN_AFTER_EXPIRY_MS < nowMs) stale.push({ table: 'seen', key });
    }
    this.#sweepFrom = seen < SWEEP_KEYS ? undefined : last;
    if (stale.length > 0) this.#deps.storage.owe(stale);
  }

  /** A dead letter that is sent again lives longer than before. */
  #repeated(key: Uint8Array, item: MessageItem): Acceptance {
    const { storage } = this.#deps;
    const seen = storage.get('seen', key);
    const isOlder = seen !== undefined && sequenceOf(seen) < item.expiresAtMs;
    if (isOlder) storage.owe([seenWrite(key, item)]);
    return { kind: 'duplicate' };
  }

  async #write({ entry, item, key, isShown }: Arrival): Promise<boolean> {
    const inboxKey = sequenceKey(entry.sequence);
    let written: InboxEntry | undefined;
    try {
      await this.#deps.storage.commit(() => {
        // The store has the payload from now on; what is owed now comes after this.
        this.#unwritten.delete(entry.sequence);
        written = isShown ? this.#entries.get(entry.sequence) : entry;
        // Taken out meanwhile: all there is to remember is that it came.
        if (written === undefined) return [seenWrite(key, item)];
        const payload: Write = { table: 'inbox-payloads', key: inboxKey, value: item.payload };
        return [seenWrite(key, item), entryWrite(written), payload];
      }, 'soon');
    } catch {
      this.#diskWorks = false;
      this.#unwritten.delete(entry.sequence);
      // It was marked as read while it was written: that is owed, and must not be all that is left of it.
      const isOwed = isShown && written !== this.#entries.get(entry.sequence);
      if (isOwed) this.#deps.storage.owe(removalOf(entry));
      if (isShown) this.#hide(entry);
      else this.#uncount(entry);
      return false;
    }
    this.#diskWorks = true;
    if (isShown) return true;
    this.#show(entry);
    this.#deps.received(entry, item.payload);
    return true;
  }

  /** Or on its way there. */
  #isOnDisk({ sequence }: InboxEntry): boolean {
    return !this.#unwritten.has(sequence);
  }

  #entryOf(sender: string, item: MessageItem): InboxEntry {
    this.#messages += 1;
    this.#bytes += item.payload.length;
    return {
      sequence: this.#nextSequence++,
      sender,
      id: item.id,
      correlationId: item.correlationId,
      replyTo: item.replyTo,
      type: item.type,
      bytes: item.payload.length,
      preview: previewOf(item.type, item.payload),
      sentAtMs: item.sentAtMs,
      receivedAtMs: this.#deps.clock.now(),
      isRead: false,
    };
  }

  #hasRoom(bytes: number): boolean {
    const { maxMessages, maxBytes } = this.#deps.limits;
    return this.#messages < maxMessages && this.#bytes + bytes <= maxBytes;
  }

  #show(entry: InboxEntry): void {
    this.#entries.set(entry.sequence, entry);
    this.#byId.set(entry.id, entry);
    if (!entry.isRead) this.#unread += 1;
  }

  #hide(entry: InboxEntry): boolean {
    const current = this.#entries.get(entry.sequence);
    if (current === undefined) return false;
    this.#entries.delete(current.sequence);
    if (this.#byId.get(current.id) === current) this.#byId.delete(current.id);
    this.#uncount(current);
    if (!current.isRead) this.#unread -= 1;
    return true;
  }

  #uncount({ bytes }: InboxEntry): void {
    this.#messages -= 1;
    this.#bytes -= bytes;
  }
}

function removalOf({ sequence }: InboxEntry): Write[] {
  const key = sequenceKey(sequence);
  return [
    { table: 'inbox', key },
    { table: 'inbox-payloads', key },
  ];
}

function seenKey(sender: string, id: string): Uint8Array {
  return concatBytes(fromHex(sender), uuidToBytes(id));
}

function seenWrite(key: Uint8Array, { correlationId, expiresAtMs }: MessageItem): Write {
  const value = concatBytes(sequenceKey(expiresAtMs), uuidToBytes(correlationId));
  return { table: 'seen', key, value };
}

function entryWrite(entry: InboxEntry): Write {
  return {
    table: 'inbox',
    key: sequenceKey(entry.sequence),
    value: encodeInboxEntry(entry),
  };
}
