/** Time that a command has, together with Ctrl-C: the signal is aborted by whichever comes first. */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;

  /** Undefined: there is only Ctrl-C. */
  constructor(ms: number | undefined, interrupted: AbortSignal) {
    this.signal = AbortSignal.any([interrupted, this.#controller.signal]);
    if (ms === undefined) return;
    this.#timer = setTimeout(() => {
      this.#controller.abort(new TimeIsUp());
    }, ms);
  }

  /** The time was up, and nobody had interrupted before. */
  get isOver(): boolean {
    return this.signal.reason instanceof TimeIsUp;
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

class TimeIsUp extends Error {
  constructor() {
    super('the time is up');
  }
}
