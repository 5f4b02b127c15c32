import type { EventFrame } from '../../client/event-frame.ts';

export interface RetainedLimits {
  readonly maxTopics: number;
  readonly maxBytes: number;
  /** Of a larger one nothing is kept. */
  readonly maxEventBytes: number;
}

const RETAINED_LIMITS: RetainedLimits = {
  maxTopics: 1024,
  maxBytes: 8 * 2 ** 20,
  maxEventBytes: 64 * 1024,
};

/**
 * The last event of each topic that was to be retained, for subscribers that ask for it; in memory, the topics that
 * were heard of last. One without a payload clears its topic.
 */
export class RetainedEvents {
  readonly #limits: RetainedLimits;
  /** The oldest first. */
  readonly #frames = new Map<string, Buffer>();
  #bytes = 0;

  constructor(limits = RETAINED_LIMITS) {
    this.#limits = limits;
  }

  keep({ topic, payload, bytes }: EventFrame): void {
    this.#remove(topic);
    if (payload.length === 0 || payload.length > this.#limits.maxEventBytes) return;
    // A copy: the frame may be a part of something larger.
    this.#frames.set(topic, Buffer.from(bytes));
    this.#bytes += bytes.length;
    for (const oldest of this.#frames.keys()) {
      const isFull =
        this.#frames.size > this.#limits.maxTopics || this.#bytes > this.#limits.maxBytes;
      if (!isFull) return;
      this.#remove(oldest);
    }
  }

  /** Whole frames, the oldest first. */
  matching(isMeant: (topic: string) => boolean): Buffer[] {
    return [...this.#frames].filter(([topic]) => isMeant(topic)).map(([, frame]) => frame);
  }

  #remove(topic: string): void {
    this.#bytes -= this.#frames.get(topic)?.length ?? 0;
    this.#frames.delete(topic);
  }
}
