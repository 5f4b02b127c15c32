/** So many at once; the others wait for their turn, first come, first served. */
export class CallLane<Call> {
  readonly #limit: number;
  readonly #waiting = new Set<Call>();
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True: it is in. False: it waits, until `leave` of another gives it back. */
  enter(call: Call): boolean {
    if (this.#inside >= this.#limit) {
      this.#waiting.add(call);
      return false;
    }
    this.#inside += 1;
    return true;
  }

  /** It is over, whether it was in or waited. Gives the one that is in for it. */
  leave(call: Call): Call | undefined {
    if (this.#waiting.delete(call)) return undefined;
    const [next] = this.#waiting;
    if (next === undefined) this.#inside -= 1;
    else this.#waiting.delete(next);
    return next;
  }
}
