import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: PilotError) => void;
}

/** Callers that need an open session with a peer. */
export class SessionWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Resolves when the session is open; PilotError `timeout`, or why it came to nothing. */
  async wait(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => {
        this.#waiting.delete(waiting);
        reject(
          new PilotError('timeout', `the peer did not answer within ${timeoutMs} ms`, {
            hint: 'See who is there and by which path: pilotctl peers',
          }),
        );
      });
      const waiting: Waiting = {
        resolve: () => {
          cancel();
          resolve();
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  opened(): void {
    for (const { resolve } of this.#takeAll()) resolve();
  }

  failed(why: string): void {
    const error = notReachable(why);
    for (const { reject } of this.#takeAll()) reject(error);
  }

  #takeAll(): Waiting[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    return all;
  }
}

export function notReachable(why: string): PilotError {
  return new PilotError('connection_failed', `the peer cannot be reached: ${why}`, {
    hint: 'See who is there and by which path: pilotctl peers',
  });
}
