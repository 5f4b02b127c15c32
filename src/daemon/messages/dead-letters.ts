import type { OutboxEntry } from './outbox-entry.ts';

const MAX_DEAD_LETTERS = 1000;

/** Messages that were given up and wait for somebody to look at them, oldest first. */
export class DeadLetters {
  readonly #entries = new Map<string, OutboxEntry>();
  #bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Of their payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): OutboxEntry | undefined {
    return this.#entries.get(id);
  }

  add(entry: OutboxEntry): void {
    this.#entries.set(entry.id, entry);
    this.#bytes += entry.bytes;
  }

  remove({ id, bytes }: OutboxEntry): void {
    if (this.#entries.delete(id)) this.#bytes -= bytes;
  }

  /** The oldest one while there are more of them than are kept. */
  get surplus(): OutboxEntry | undefined {
    return this.size > MAX_DEAD_LETTERS ? this.oldest : undefined;
  }

  get oldest(): OutboxEntry | undefined {
    for (const entry of this.#entries.values()) return entry;
    return undefined;
  }

  [Symbol.iterator](): Iterator<OutboxEntry> {
    return this.#entries.values();
  }
}
