/**
 * Events on their way to one reader: what its stream does not take waits here, within bounds. When there is no
 * room the oldest go, and the reader is told how many, at the place where they are missing.
 *
 *     event ──> queue ──room, drain──> stream
 *                 └ full: the oldest is dropped ──> `dropped n` before the next one
 */
import type { Writable } from 'node:stream';

import { encodeControl } from '../../client/event-control.ts';
import { MAX_EVENT_BYTES } from '../../client/event-frame.ts';
import type { EventBudget } from './event-budget.ts';

export interface OutletLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** Ten seconds of a publisher at its default rate; and the largest event. */
const OUTLET_LIMITS: OutletLimits = { maxEvents: 1024, maxBytes: MAX_EVENT_BYTES };

export interface OutletOptions {
  readonly budget: EventBudget;
  readonly limits?: OutletLimits;
  /** False: the reader knows events only (pilotctl interface 2.9). */
  readonly tells: boolean;
}

export class EventOutlet {
  readonly #stream: Writable;
  readonly #limits: OutletLimits;
  readonly #budget: EventBudget;
  readonly #tells: boolean;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Dropped, and the reader has not been told. */
  #untold = 0;
  #isFull = false;
  #isHeld = false;
  #isClosed = false;

  constructor(stream: Writable, { budget, limits = OUTLET_LIMITS, tells }: OutletOptions) {
    this.#stream = stream;
    this.#limits = limits;
    this.#budget = budget;
    this.#tells = tells;
    stream.on('drain', () => {
      this.#isFull = false;
      this.#flush();
    });
    stream.once('close', () => {
      this.close();
    });
  }

  /** A whole frame; its bytes are not changed any more. */
  push(frame: Buffer): void {
    if (this.#isClosed) return;
    while (this.#queue.length > 0 && !this.#hasRoom(frame.length)) this.#dropOldest();
    if (!this.#budget.hasRoom(frame.length)) {
      this.#untold += 1;
      return;
    }
    this.#queue.push(frame);
    this.#count(frame.length);
    this.#flush();
  }

  /** The source has lost so many for this reader already. */
  lost(count: number): void {
    this.#untold += count;
    this.#flush();
  }

  /** What is pushed waits until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  /** `first` goes before all that waits. */
  release(first: readonly Buffer[]): void {
    if (this.#isClosed) return;
    this.#isHeld = false;
    for (const frame of first) this.#write(frame);
    this.#flush();
  }

  /** Says something about the stream, behind what waits. */
  tell(control: Buffer): void {
    if (this.#tells) this.push(control);
  }

  /** The reader gets nothing any more, for a reason. */
  fail(error: Error): void {
    this.close();
    this.#stream.destroy(error);
  }

  close(): void {
    this.#isClosed = true;
    this.#count(-this.#queuedBytes);
    this.#queue.length = 0;
  }

  #flush(): void {
    if (this.#isHeld) return;
    let taken = 0;
    while (!this.#isFull && !this.#isClosed && taken < this.#queue.length) {
      this.#tellDropped();
      const frame = this.#queue[taken++];
      if (frame === undefined) break;
      this.#count(-frame.length);
      this.#write(frame);
    }
    if (taken > 0) this.#queue.splice(0, taken);
    if (this.#queue.length === 0 && !this.#isFull) this.#tellDropped();
  }

  #tellDropped(): void {
    if (this.#untold === 0 || !this.#tells || this.#isClosed) return;
    const count = this.#untold;
    this.#untold = 0;
    this.#write(encodeControl({ kind: 'dropped', count }));
  }

  #write(frame: Buffer): void {
    this.#isFull = !this.#stream.write(frame);
  }

  #hasRoom(bytes: number): boolean {
    const { maxEvents, maxBytes } = this.#limits;
    if (this.#queue.length >= maxEvents || this.#queuedBytes + bytes > maxBytes) return false;
    return this.#budget.hasRoom(bytes);
  }

  #dropOldest(): void {
    const oldest = this.#queue.shift();
    this.#count(-(oldest?.length ?? 0));
    this.#untold += 1;
  }

  #count(bytes: number): void {
    this.#queuedBytes += bytes;
    this.#budget.take(bytes);
  }
}
