import type { EventFrame } from '../../client/event-frame.ts';
import { RetainedEvents } from './retained-events.ts';
import { hasWildcards, matcherOf } from './topic-filter.ts';

/** Who gets events. */
export interface Subscriber {
  /** `onDisk`: it is kept for them, and who publishes it waits for that. */
  deliver(event: EventFrame): { readonly onDisk: Promise<void> } | undefined;
}

interface Pattern {
  readonly isMeant: (topic: string) => boolean;
  readonly subscribers: Set<Subscriber>;
}

/** How an event is published. */
export interface Publishing {
  /** It does not go back to this one. */
  readonly from?: Subscriber | undefined;
  /** Keep it for those who come later. */
  readonly isRetained?: boolean;
}

/** As many patterns with wildcards are looked at for each event: some 100 µs. */
const MAX_PATTERNS = 1024;
const MAX_SUBSCRIPTIONS = 8192;

/** Hands each event to those who subscribed to its topic. Filters and topics have been checked. */
export class EventBroker {
  readonly #retained: RetainedEvents;
  readonly #exact = new Map<string, Set<Subscriber>>();
  readonly #patterns = new Map<string, Pattern>();
  #count = 0;

  constructor(retained = new RetainedEvents()) {
    this.#retained = retained;
  }

  /** The result ends it. Undefined: there are too many. */
  subscribe(filter: string, subscriber: Subscriber): (() => void) | undefined {
    const subscribers = this.#subscribersOf(filter);
    if (subscribers === undefined) return undefined;
    subscribers.add(subscriber);
    this.#count += 1;
    return () => {
      if (!subscribers.delete(subscriber)) return;
      this.#count -= 1;
      if (subscribers.size > 0) return;
      if (this.#exact.get(filter) === subscribers) this.#exact.delete(filter);
      if (this.#patterns.get(filter)?.subscribers === subscribers) this.#patterns.delete(filter);
    };
  }

  /** How many it went to; a promise where it is kept for one of them. */
  publish(
    event: EventFrame,
    { from, isRetained = false }: Publishing = {},
  ): number | Promise<number> {
    if (isRetained) this.#retained.keep(event);
    const reached = new Set(this.#exact.get(event.topic));
    for (const { isMeant, subscribers } of this.#patterns.values()) {
      if (isMeant(event.topic)) for (const one of subscribers) reached.add(one);
    }
    if (from !== undefined) reached.delete(from);
    const keeping: Promise<void>[] = [];
    for (const subscriber of reached) {
      const kept = subscriber.deliver(event);
      if (kept !== undefined) keeping.push(kept.onDisk);
    }
    return keeping.length === 0 ? reached.size : Promise.all(keeping).then(() => reached.size);
  }

  /** Whole frames, the oldest first. */
  retained(filter: string): Buffer[] {
    return this.#retained.matching(matcherOf(filter));
  }

  #subscribersOf(filter: string): Set<Subscriber> | undefined {
    const known = this.#exact.get(filter) ?? this.#patterns.get(filter)?.subscribers;
    if (this.#count >= MAX_SUBSCRIPTIONS) return undefined;
    if (known !== undefined) return known;
    const subscribers = new Set<Subscriber>();
    if (!hasWildcards(filter)) this.#exact.set(filter, subscribers);
    else if (this.#patterns.size >= MAX_PATTERNS) return undefined;
    else this.#patterns.set(filter, { isMeant: matcherOf(filter), subscribers });
    return subscribers;
  }
}
