/**
 * What a peer is to be told of direct paths, until the session has room for it. The peer decides when it has, and
 * makes us say more with every offer; so only what still means something waits, and no more than a bound.
 *
 *     offer, answer    a new attempt has begun: of the ones before, nothing but their ends is worth telling
 *     end              the same of its own attempt; and nothing at all when the peer has not had our offer
 */
import type { PathItem } from './path-message.ts';

/** An attempt tells some ten items; ends of earlier ones that the peer has had are a line each. */
export const MAX_WAITING_ITEMS = 64;

export class PathItemQueue {
  #items: PathItem[] = [];

  get first(): PathItem | undefined {
    return this.#items[0];
  }

  get size(): number {
    return this.#items.length;
  }

  push(item: PathItem): void {
    if (item.step === 'offer' || item.step === 'answer') {
      this.#items = this.#items.filter(({ step }) => step === 'end');
    } else if (item.step === 'end') {
      const isUnknown = this.#items.some(
        ({ attempt, step }) => attempt === item.attempt && step === 'offer',
      );
      this.#items = this.#items.filter(({ attempt }) => attempt !== item.attempt);
      if (isUnknown) return;
    }
    this.#items.push(item);
    // Whoever lacks one of them finds out by the deadline of the attempt.
    if (this.#items.length > MAX_WAITING_ITEMS) this.#items.shift();
  }

  shift(): void {
    this.#items.shift();
  }

  clear(): void {
    this.#items = [];
  }
}
