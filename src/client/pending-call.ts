import { setMaxListeners } from 'node:events';

import type { PilotError } from '../base/pilot-error.ts';
import { MAX_TIMER_MS } from '../base/system-clock.ts';
import type { CallLane } from './call-lane.ts';

export interface PendingCallOptions {
  readonly number: number;
  readonly line: string;
  readonly lane: CallLane<PendingCall>;
  readonly limitMs: number;
  /** The error when the time is over. */
  readonly late: () => PilotError;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (reason: unknown) => void;
  /** Called when it is over, however it ended. */
  readonly onEnd: (call: PendingCall) => void;
}

/** A call that its caller waits for: until it is answered, aborted, or its time is over. */
export class PendingCall {
  readonly number: number;
  readonly line: string;
  readonly lane: CallLane<PendingCall>;
  /** How often the daemon had been heard on the connection when it was sent. */
  receivedBefore = 0;
  isRepeated = false;
  readonly #options: PendingCallOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = (): void => {
    this.reject(this.#options.signal?.reason);
  };

  constructor(options: PendingCallOptions) {
    const { number, line, lane, limitMs, late, signal } = options;
    this.#options = options;
    this.number = number;
    this.line = line;
    this.lane = lane;
    this.#timer = setTimeout(
      () => {
        this.reject(late());
      },
      Math.min(limitMs, MAX_TIMER_MS),
    );
    if (signal === undefined) return;
    // One signal may well stop hundreds of calls; that is no leak.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  resolve(reply: unknown): void {
    this.#end();
    this.#options.resolve(reply);
  }

  reject(reason: unknown): void {
    this.#end();
    this.#options.reject(reason);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#options.onEnd(this);
  }
}
