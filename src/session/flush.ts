/** Runs `write` once for whatever asks for it within a turn, and again for what asks while it runs. */
export class Flush {
  readonly #defer: (run: () => void) => void;
  readonly #write: () => void;
  #state: 'none' | 'scheduled' | 'running' | 'again' = 'none';
  #isStopped = false;

  constructor(defer: (run: () => void) => void, write: () => void) {
    this.#defer = defer;
    this.#write = write;
  }

  readonly soon = (): void => {
    if (this.#state === 'running') this.#state = 'again';
    if (this.#state !== 'none' || this.#isStopped) return;
    this.#state = 'scheduled';
    this.#defer(() => {
      this.#run();
    });
  };

  stop(): void {
    this.#isStopped = true;
  }

  #run(): void {
    try {
      do {
        this.#state = 'running';
        this.#write();
      } while (this.#isWantedAgain());
    } finally {
      this.#state = 'none';
    }
  }

  /** A link may deliver at once, so that the answer's answer is wanted before the first is out. */
  #isWantedAgain(): boolean {
    return this.#state === 'again' && !this.#isStopped;
  }
}
