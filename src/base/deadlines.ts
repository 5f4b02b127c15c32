import type { Clock } from './clock.ts';

/** Waits that end in time, and when their caller has gone. */
export class Deadlines {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What `promise` gives; undefined when it takes longer than `ms`; the signal's reason when aborted. */
  async race<T>(promise: Promise<T>, ms: number, signal?: AbortSignal): Promise<T | undefined> {
    if (signal?.aborted === true) {
      // What becomes of it interests nobody any more.
      promise.catch(() => undefined);
      throw signal.reason as Error;
    }
    let onAbort = (): void => undefined;
    let cancel = (): void => undefined;
    const end = new Promise<undefined>((resolve, reject) => {
      cancel = this.#clock.after(ms, () => {
        resolve(undefined);
      });
      onAbort = () => {
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([promise, end]);
    } finally {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
