import type { RandomBytes } from '../../base/random.ts';
import type { Outbox } from './outbox.ts';
import type { OutboxEntry } from './outbox-entry.ts';

/**
 * How far one stream of messages to a peer has come: a session, or the mailbox at one relay. In each of
 * them a message is preceded by every earlier one that is not delivered yet: a run begins at the
 * lowest of those and leaves none out. Its number tells the receiver where a new run begins.
 */
export class MessageRun {
  readonly #outbox: Outbox;
  readonly #peer: string;
  readonly #random: RandomBytes;
  #number = 0;
  #lastSequence = -1;

  constructor(outbox: Outbox, peer: string, random: RandomBytes) {
    this.#outbox = outbox;
    this.#peer = peer;
    this.#random = random;
    this.restart();
  }

  get number(): number {
    return this.#number;
  }

  /** The next message that has not gone into this run. */
  get next(): OutboxEntry | undefined {
    return this.#outbox.queueOf(this.#peer)?.after(this.#lastSequence);
  }

  /** The messages that would come after `entry`, up to a bound, as long as `fits` says so. */
  take(limit: number, fits: (entry: OutboxEntry) => boolean): OutboxEntry[] {
    const taken: OutboxEntry[] = [];
    const queue = this.#outbox.queueOf(this.#peer);
    let entry = this.next;
    while (entry !== undefined && taken.length < limit && fits(entry)) {
      taken.push(entry);
      entry = queue?.after(entry.sequence);
    }
    return taken;
  }

  /** Everything up to and with `entry` has gone into this run. */
  advance(entry: OutboxEntry): void {
    this.#lastSequence = entry.sequence;
  }

  has(entry: OutboxEntry): boolean {
    return entry.sequence <= this.#lastSequence;
  }

  /** A new run, from the lowest message that is not delivered. */
  restart(): void {
    const bytes = this.#random(4);
    this.#number = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
    this.#lastSequence = -1;
  }
}
