import { equalBytes } from '../base/bytes.ts';
import { byteKey } from './byte-key.ts';
import type {
  EnvelopePut,
  Mailbox,
  MailboxLimits,
  MailboxSize,
  Page,
  StoredEnvelope,
} from './mailbox.ts';
import { MailboxListeners } from './mailbox-listeners.ts';

interface Item extends EnvelopePut {
  readonly position: number;
}

/** A mailbox that a restart empties: for tests and for relays that keep nothing. */
export class MemoryMailbox implements Mailbox {
  readonly #limits: MailboxLimits;
  readonly #listeners = new MailboxListeners();
  readonly #byRecipient = new Map<string, Item[]>();
  readonly #bySender = new Map<string, MailboxSize>();
  #size: MailboxSize = { envelopes: 0, bytes: 0 };
  #positions = 0;

  constructor(limits: MailboxLimits) {
    this.#limits = limits;
  }

  async put(envelope: EnvelopePut): Promise<'stored' | 'mailbox_full'> {
    const items = this.#byRecipient.get(byteKey(envelope.to)) ?? [];
    if (items.some((item) => isSame(item, envelope))) return Promise.resolve('stored');
    if (!this.#hasRoom(envelope, items)) return Promise.resolve('mailbox_full');
    this.#positions += 1;
    items.push({ ...copied(envelope), position: this.#positions });
    this.#byRecipient.set(byteKey(envelope.to), items);
    this.#count(envelope, 1);
    this.#listeners.notify(envelope.to);
    return Promise.resolve('stored');
  }

  async list(recipient: Uint8Array, page: Page): Promise<readonly StoredEnvelope[]> {
    const listed: Item[] = [];
    let bytes = 0;
    for (const item of this.#byRecipient.get(byteKey(recipient)) ?? []) {
      if (item.position <= page.after || item.expiresAtMs <= page.nowMs) continue;
      bytes += item.body.length;
      if (listed.length >= page.envelopes || (listed.length > 0 && bytes > page.bytes)) break;
      listed.push(item);
    }
    return Promise.resolve(listed);
  }

  async take(recipient: Uint8Array, envelope: Pick<StoredEnvelope, 'from' | 'id'>): Promise<void> {
    this.#remove(byteKey(recipient), (item) => isSame(item, envelope), 1);
    return Promise.resolve();
  }

  async sweep(nowMs: number, limit: number): Promise<number> {
    let removed = 0;
    for (const recipient of [...this.#byRecipient.keys()]) {
      removed += this.#remove(recipient, (item) => item.expiresAtMs <= nowMs, limit - removed);
    }
    return Promise.resolve(removed);
  }

  async size(): Promise<MailboxSize> {
    return Promise.resolve(this.#size);
  }

  subscribe(recipient: Uint8Array, onStored: () => void): () => void {
    return this.#listeners.subscribe(recipient, onStored);
  }

  async close(): Promise<void> {
    this.#byRecipient.clear();
    return Promise.resolve();
  }

  #hasRoom(envelope: EnvelopePut, items: readonly Item[]): boolean {
    const limits = this.#limits;
    const added = envelope.body.length;
    const mailbox = sizeOf(items);
    const pair = sizeOf(items.filter(({ from }) => equalBytes(from, envelope.from)));
    const sender = this.#bySender.get(byteKey(envelope.from)) ?? { envelopes: 0, bytes: 0 };
    return (
      mailbox.envelopes < limits.maxMailboxEnvelopes &&
      mailbox.bytes + added <= limits.maxMailboxBytes &&
      pair.envelopes < limits.maxPairEnvelopes &&
      pair.bytes + added <= limits.maxPairBytes &&
      sender.envelopes < limits.maxSenderEnvelopes &&
      sender.bytes + added <= limits.maxSenderBytes &&
      this.#size.bytes + added <= limits.maxStoreBytes
    );
  }

  #remove(recipient: string, matches: (item: Item) => boolean, limit: number): number {
    const items = this.#byRecipient.get(recipient) ?? [];
    const removed = items.filter(matches).slice(0, limit);
    const kept = items.filter((item) => !removed.includes(item));
    if (kept.length > 0) this.#byRecipient.set(recipient, kept);
    else this.#byRecipient.delete(recipient);
    for (const item of removed) this.#count(item, -1);
    return removed.length;
  }

  #count(envelope: EnvelopePut, sign: 1 | -1): void {
    const sender = byteKey(envelope.from);
    const sent = plus(this.#bySender.get(sender) ?? { envelopes: 0, bytes: 0 }, envelope, sign);
    if (sent.envelopes > 0) this.#bySender.set(sender, sent);
    else this.#bySender.delete(sender);
    this.#size = plus(this.#size, envelope, sign);
  }
}

function isSame(item: Item, { from, id }: Pick<StoredEnvelope, 'from' | 'id'>): boolean {
  return equalBytes(item.from, from) && equalBytes(item.id, id);
}

/** What arrives may be a view into a network buffer. */
function copied(envelope: EnvelopePut): EnvelopePut {
  return {
    ...envelope,
    to: envelope.to.slice(),
    from: envelope.from.slice(),
    id: envelope.id.slice(),
    body: envelope.body.slice(),
  };
}

function sizeOf(items: readonly Item[]): MailboxSize {
  return { envelopes: items.length, bytes: items.reduce((sum, { body }) => sum + body.length, 0) };
}

function plus(size: MailboxSize, { body }: EnvelopePut, sign: 1 | -1): MailboxSize {
  return { envelopes: size.envelopes + sign, bytes: size.bytes + sign * body.length };
}
