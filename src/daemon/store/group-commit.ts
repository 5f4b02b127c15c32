import type { Cancel, Clock } from '../../base/clock.ts';
import type { StoreError, Write, Writes } from './storage.ts';

export type Urgency = 'now' | 'soon' | 'owed';

interface Caller {
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

/** Somebody waits for it; what is only owed has no caller, and is tried again. */
export type Job =
  | { readonly writes: Writes; readonly caller: Caller }
  | { readonly writes: readonly Write[]; readonly caller?: undefined };

/**
 * How long a job may wait for others. Soon: what a peer's receipt takes longer. A write costs 0.2 ms of processor
 * whatever is in it.
 */
const DELAYS_MS: Record<Urgency, number> = { now: 0, soon: 8, owed: 1000 };
/** From one write that many waited for to the next: those that it sets free ask again meanwhile. */
const SHARED_INTERVAL_MS = 2;

/**
 * Collects jobs, and has all that there are written together: one group at a time, in the order they came in.
 *
 *     now     after this turn of the event loop, or with what comes during the write under way
 *     soon    with the next of those, or 8 ms later
 *     owed    with the next of those, or a second later
 */
export class GroupCommit {
  readonly #clock: Clock;
  readonly #write: (jobs: readonly Job[]) => Promise<void>;
  #jobs: Job[] = [];
  /** When the next group is to be written. */
  #dueMs = Infinity;
  #notBeforeMs = -Infinity;
  #running: Promise<void> | undefined;
  #cancel: Cancel | undefined;

  /** `write` never rejects. */
  constructor(clock: Clock, write: (jobs: readonly Job[]) => Promise<void>) {
    this.#clock = clock;
    this.#write = write;
  }

  add(job: Job, urgency: Urgency): void {
    this.#jobs.push(job);
    this.#expect(urgency);
  }

  /** Owed writes that failed keep their place before whatever was asked for since. */
  putBack(writes: readonly Write[]): void {
    this.#jobs.unshift({ writes });
    this.#expect('owed');
  }

  /** Nothing may be added any more. Resolves when everything is written, or has failed. */
  async close(): Promise<void> {
    await this.#running;
    if (this.#jobs.length > 0) this.#start();
    await this.#running;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #expect(urgency: Urgency): void {
    const dueMs = Math.max(this.#clock.monotonic() + DELAYS_MS[urgency], this.#notBeforeMs);
    if (dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    if (this.#running === undefined) this.#arm();
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const waitMs = this.#dueMs - this.#clock.monotonic();
    if (waitMs <= 0) this.#start();
    else if (waitMs < Infinity) {
      this.#cancel = this.#clock.after(waitMs, () => {
        this.#start();
      });
    }
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#arm();
    });
  }

  async #run(): Promise<void> {
    // Whatever one turn of the event loop brings, from all its sockets, belongs into one group.
    await new Promise(setImmediate);
    const startedMs = this.#clock.monotonic();
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#dueMs = Infinity;
    const isShared = jobs.filter(({ caller }) => caller !== undefined).length > 1;
    this.#notBeforeMs = isShared ? startedMs + SHARED_INTERVAL_MS : -Infinity;
    await this.#write(jobs);
  }
}
