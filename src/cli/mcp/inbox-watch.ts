/**
 * Tells when the inbox has something new, whether the daemon comes or goes.
 *
 *     start ──> subscribed ──message──> changed (at once, then once in half a second)
 *                 │   ^
 *      daemon goes│   │ again; changed, since something may have come meanwhile
 *                 v   │
 *               waiting with back-off
 */
import { Backoff } from '../../base/backoff.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import { describeError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';

/** What of the client it needs: a stream of events that throws when the daemon goes. */
interface Subscriber {
  subscribe(
    types: readonly ['message.received'],
    options: { readonly signal: AbortSignal },
  ): Promise<AsyncIterable<unknown>>;
}

export interface InboxWatchDeps {
  readonly client: Subscriber;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly changed: () => void;
  readonly notice: (line: string) => void;
}

/** A burst of messages is one change or two. */
const QUIET_MS = 500;
const BACKOFF = { initialMs: 200, maxMs: 5000, multiplier: 2, jitter: true };

export class InboxWatch {
  readonly #deps: InboxWatchDeps;
  readonly #backoff: Backoff;
  #running: AbortController | undefined;
  #quiet: Cancel | undefined;
  #isOwed = false;

  constructor(deps: InboxWatchDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(BACKOFF, deps.random);
  }

  /** Once it resolves, nothing is missed; where no daemon answers it resolves too, and goes on trying. */
  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const running = new AbortController();
    this.#running = running;
    await new Promise<void>((attempted) => {
      void this.#run(running.signal, attempted);
    });
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#quiet?.();
    this.#quiet = undefined;
    this.#isOwed = false;
  }

  async #run(signal: AbortSignal, attempted: () => void): Promise<void> {
    let isAway = false;
    while (!isOver(signal)) {
      try {
        const events = await this.#deps.client.subscribe(['message.received'], { signal });
        attempted();
        this.#backoff.reset();
        if (isAway) this.#tell();
        isAway = false;
        await this.#follow(events, signal);
      } catch (error) {
        attempted();
        if (isOver(signal)) return;
        if (!isAway) this.#deps.notice(`no news of the inbox for now: ${describeError(error)}`);
        isAway = true;
        await this.#pause(signal);
      }
    }
  }

  async #follow(events: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
    const iterator = events[Symbol.asyncIterator]();
    while ((await iterator.next()).done !== true) {
      if (!isOver(signal)) this.#tell();
    }
  }

  #tell(): void {
    if (this.#quiet !== undefined) {
      this.#isOwed = true;
      return;
    }
    this.#isOwed = false;
    this.#quiet = this.#deps.clock.after(QUIET_MS, () => {
      this.#quiet = undefined;
      if (this.#isOwed) this.#tell();
    });
    this.#deps.changed();
  }

  async #pause(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const over = (): void => {
        cancel();
        signal.removeEventListener('abort', over);
        resolve();
      };
      const cancel = this.#deps.clock.after(this.#backoff.next(), over);
      signal.addEventListener('abort', over);
    });
  }
}

/** It changes while we wait, which the compiler does not see. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
