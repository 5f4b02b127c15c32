/** Memory that several streams share: those of one node, or of all nodes. */
export class EventBudget {
  readonly #maxBytes: number;
  readonly #whole: EventBudget | undefined;
  #usedBytes = 0;

  /** What is taken here is also taken of `whole`. */
  constructor(maxBytes: number, whole?: EventBudget) {
    this.#maxBytes = maxBytes;
    this.#whole = whole;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** There is always room for the first thing, so that the largest event gets through a small budget. */
  hasRoom(bytes: number): boolean {
    const fits = this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#maxBytes;
    return fits && (this.#whole?.hasRoom(bytes) ?? true);
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
    this.#whole?.take(bytes);
  }

  free(bytes: number): void {
    this.take(-bytes);
  }
}
