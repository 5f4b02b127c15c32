import type { OutboxEntry } from './outbox-entry.ts';

/** More of them than there are messages, and this many, are given back. */
const MAX_EMPTY_SLOTS = 64;

/**
 * The messages to one peer that are not delivered yet, in the order they were sent. Removal from
 * anywhere and "the next one after this" cost the same with ten messages and with a hundred thousand.
 */
export class PeerQueue {
  #sequences: number[] = [];
  #entries: (OutboxEntry | undefined)[] = [];
  /** Slots before it are empty. */
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): OutboxEntry | undefined {
    return this.after(-1);
  }

  /** `entry` must have the highest sequence number so far. */
  push(entry: OutboxEntry): void {
    this.#sequences.push(entry.sequence);
    this.#entries.push(entry);
    this.#size += 1;
  }

  remove(entry: OutboxEntry): void {
    const slot = this.#slotOf(entry.sequence);
    if (this.#entries[slot] !== entry) return;
    this.#entries[slot] = undefined;
    this.#size -= 1;
    while (this.#head < this.#entries.length && this.#entries[this.#head] === undefined) {
      this.#head += 1;
    }
    if (this.#entries.length > MAX_EMPTY_SLOTS + 2 * this.#size) this.#closeUp();
  }

  /** The first message whose sequence number is above `sequence`. */
  after(sequence: number): OutboxEntry | undefined {
    for (let slot = this.#slotOf(sequence + 1); slot < this.#entries.length; slot++) {
      const entry = this.#entries[slot];
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  *[Symbol.iterator](): Generator<OutboxEntry> {
    for (let entry = this.first; entry !== undefined; entry = this.after(entry.sequence)) {
      yield entry;
    }
  }

  /** One message may wait for weeks while those behind it come and go. */
  #closeUp(): void {
    const left = this.#entries.filter((entry) => entry !== undefined);
    this.#entries = left;
    this.#sequences = left.map(({ sequence }) => sequence);
    this.#head = 0;
  }

  /** The first slot at or after the head whose sequence number is at least `sequence`. */
  #slotOf(sequence: number): number {
    let low = this.#head;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sequences[middle] ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
