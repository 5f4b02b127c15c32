import { sequenceKey, sequenceOf, type Storage } from '../store/storage.ts';
import { decodeOutboxEntry, encodeOutboxEntry, type OutboxEntry } from './outbox-entry.ts';

/** Enough to answer "what became of it" for messages of the last minutes or days. */
const MAX_FINISHED = 1000;

/** Messages that are done with, without their payloads (table `outbox-history`); the oldest are forgotten. */
export class OutboxHistory {
  readonly #storage: Storage;
  readonly #entries = new Map<string, OutboxEntry>();

  constructor(storage: Storage) {
    this.#storage = storage;
    for (const [key, value] of storage.entries('outbox-history')) {
      const entry = decodeOutboxEntry(sequenceOf(key), value);
      this.#entries.set(entry.id, entry);
    }
  }

  get(id: string): OutboxEntry | undefined {
    return this.#entries.get(id);
  }

  values(): Iterable<OutboxEntry> {
    return this.#entries.values();
  }

  add(entry: OutboxEntry): void {
    this.#entries.set(entry.id, entry);
    const key = sequenceKey(entry.sequence);
    this.#storage.owe([{ table: 'outbox-history', key, value: encodeOutboxEntry(entry) }]);
    if (this.#entries.size <= MAX_FINISHED) return;
    for (const oldest of this.#entries.values()) {
      this.#entries.delete(oldest.id);
      this.#storage.owe([{ table: 'outbox-history', key: sequenceKey(oldest.sequence) }]);
      return;
    }
  }
}
