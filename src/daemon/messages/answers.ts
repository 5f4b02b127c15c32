import { type AppMessage, MAX_RECEIPT_IDS } from './app-message.ts';

type Refusal = Extract<AppMessage, { kind: 'refused' }>;

/** As many as one peer can have under way to us several times over; who floods gets no answer to some. */
const MAX_ANSWERS = 4096;

/** What nobody fetches at a relay for so long is worth nothing. */
export const ANSWERS_LIFE_MS = 7 * 86_400_000;

/** What a peer is to be told about its messages, until it is on its way there. */
export class Answers {
  #delivered: string[] = [];
  #refused: Refusal[] = [];

  get isEmpty(): boolean {
    return this.#delivered.length + this.#refused.length === 0;
  }

  /** Without an answer the message comes again, so the oldest may be forgotten. */
  delivered(id: string): void {
    this.#delivered.push(id);
    if (this.#delivered.length > MAX_ANSWERS) this.#delivered.shift();
  }

  refused(id: string, code: string, run: number): void {
    this.#refused.push({ kind: 'refused', id, code, run });
    if (this.#refused.length > MAX_ANSWERS) this.#refused.shift();
  }

  /** Takes over all that `other` has. */
  absorb(other: Answers): void {
    this.putBack(other.take(Infinity));
  }

  /** Takes out what fits into one item each, at most `limit` items; put them back if they go nowhere. */
  take(limit: number): AppMessage[] {
    const taken: AppMessage[] = [];
    while (taken.length < limit && this.#delivered.length > 0) {
      taken.push({ kind: 'delivered', ids: this.#delivered.splice(0, MAX_RECEIPT_IDS) });
    }
    taken.push(...this.#refused.splice(0, limit - taken.length));
    return taken;
  }

  putBack(taken: readonly AppMessage[]): void {
    const ids = taken.flatMap((item) => (item.kind === 'delivered' ? item.ids : []));
    const refusals = taken.filter((item) => item.kind === 'refused');
    this.#delivered = [...ids, ...this.#delivered].slice(0, MAX_ANSWERS);
    this.#refused = [...refusals, ...this.#refused].slice(0, MAX_ANSWERS);
  }
}
