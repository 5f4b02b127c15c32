/**
 * One topic at one peer, for all programs of this host that asked for it: one stream.
 *
 *     first outlet ──> connecting ──ok──> live ──lost──> waiting ──> connecting …
 *                          └─ failed: never live ──> every outlet is told, over
 *     last outlet gone ──> over
 *
 * When it is live again after it was lost, each outlet is told of the gap.
 */
import { Backoff, type BackoffSettings } from '../../base/backoff.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import { encodeControl, type EventControl } from '../../client/event-control.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import { ANSWER_MS, followBroker, noAnswer } from './broker-stream.ts';
import type { EventOutlet } from './event-outlet.ts';

export interface SharedSubscriptionDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly dial: (signal: AbortSignal) => Promise<PeerStream>;
  /** Nobody needs it any more, or it failed. */
  readonly over: () => void;
}

/** Asking a broker again that was there before. */
export const RETRY: BackoffSettings = {
  initialMs: 250,
  maxMs: 15_000,
  multiplier: 2,
  jitter: true,
};
export const GAP = encodeControl({ kind: 'gap' });

export class SharedSubscription {
  readonly #deps: SharedSubscriptionDeps;
  readonly #filter: string;
  readonly #outlets = new Set<EventOutlet>();
  readonly #backoff: Backoff;
  readonly #controller = new AbortController();
  readonly #firstLive: Promise<void>;
  #onLive: () => void = () => undefined;
  #onFailed: (error: Error) => void = () => undefined;
  #wasLive = false;
  #cancel: Cancel = () => undefined;
  #stream: PeerStream | undefined;

  constructor(filter: string, deps: SharedSubscriptionDeps) {
    this.#filter = filter;
    this.#deps = deps;
    this.#backoff = new Backoff(RETRY, deps.random);
    this.#firstLive = new Promise((resolve, reject) => {
      this.#onLive = resolve;
      this.#onFailed = reject;
    });
    this.#firstLive.catch(() => undefined);
    void this.#connect();
  }

  /** Resolves when events come from now on; rejects when the first attempt failed, or nobody is left. */
  async join(outlet: EventOutlet): Promise<void> {
    this.#outlets.add(outlet);
    await this.#firstLive;
  }

  leave(outlet: EventOutlet): void {
    this.#outlets.delete(outlet);
    if (this.#outlets.size === 0) this.close();
  }

  close(): void {
    if (this.#controller.signal.aborted) return;
    const reason = new PilotError('unavailable', 'the subscription has ended');
    this.#controller.abort(reason);
    this.#onFailed(reason);
    this.#cancel();
    this.#stream?.destroy();
    this.#deps.over();
  }

  async #connect(): Promise<void> {
    try {
      this.#follow(await this.#deps.dial(this.#controller.signal));
    } catch (error) {
      this.#lost(error as Error);
    }
  }

  #follow(stream: PeerStream): void {
    if (this.#controller.signal.aborted) {
      stream.destroy();
      return;
    }
    this.#stream = stream;
    this.#cancel = this.#deps.clock.after(ANSWER_MS, () => {
      stream.destroy(noAnswer());
    });
    followBroker(
      stream,
      { kind: 'subscribe', filter: this.#filter },
      {
        control: (control) => {
          this.#onControl(control);
        },
        event: ({ bytes }) => {
          for (const outlet of this.#outlets) outlet.push(bytes);
        },
        ended: (error) => {
          this.#stream = undefined;
          this.#cancel();
          this.#lost(error ?? noAnswer());
        },
      },
    );
  }

  #onControl(control: EventControl): void {
    if (control.kind === 'ok') {
      this.#cancel();
      this.#backoff.reset();
      if (this.#wasLive) for (const outlet of this.#outlets) outlet.tell(GAP);
      this.#wasLive = true;
      this.#onLive();
    } else if (control.kind === 'dropped') {
      for (const outlet of this.#outlets) outlet.lost(control.count);
    }
  }

  #lost(error: Error): void {
    if (this.#controller.signal.aborted) return;
    if (this.#wasLive && !isFinal(error)) {
      this.#cancel = this.#deps.clock.after(this.#backoff.next(), () => void this.#connect());
      return;
    }
    this.#onFailed(error);
    for (const outlet of this.#outlets) outlet.fail(error);
    this.#outlets.clear();
    this.close();
  }
}

/** What no later attempt mends by itself. */
export function isFinal(error: unknown): boolean {
  return error instanceof PilotError && ['trust_required', 'not_supported'].includes(error.code);
}
