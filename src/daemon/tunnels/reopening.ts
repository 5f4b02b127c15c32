import type { Cancel, Clock } from '../../base/clock.ts';
import { describeError } from '../../base/pilot-error.ts';

/** Addresses come with interfaces, and ports get free when programs end. */
const RETRY_MS = 10_000;

/** Opens something that a rule asks for, again and again until that works. */
export class Reopening {
  readonly #clock: Clock;
  readonly #open: () => Promise<void>;
  #cancel: Cancel = () => undefined;
  #isStopped = false;
  #error = 'it was not tried yet';

  constructor(clock: Clock, open: () => Promise<void>) {
    this.#clock = clock;
    this.#open = open;
  }

  /** Empty when it is open. */
  get error(): string {
    return this.#error;
  }

  /** Once; throws what `open` throws. */
  async now(): Promise<void> {
    try {
      await this.#open();
      this.#error = '';
    } catch (error) {
      this.#error = describeError(error);
      throw error;
    }
  }

  /** Resolves after the first time, whatever came of it; `failed` is told what, if it did not work. */
  async keepTrying(failed: (error: unknown) => void = () => undefined): Promise<void> {
    try {
      await this.now();
    } catch (error) {
      failed(error);
      if (this.#isStopped) return;
      this.#cancel = this.#clock.after(RETRY_MS, () => {
        void this.keepTrying();
      });
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }
}
