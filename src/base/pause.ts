import type { Cancel, Clock } from './clock.ts';

/** One pause at a time: a later call replaces it, `end` ends it without running anything. */
export class Pause {
  readonly #clock: Clock;
  readonly #over: () => void;
  #cancel: Cancel | undefined;

  constructor(clock: Clock, over: () => void) {
    this.#clock = clock;
    this.#over = over;
  }

  get isRunning(): boolean {
    return this.#cancel !== undefined;
  }

  start(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.#over();
    });
  }

  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
