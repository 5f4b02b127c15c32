/** A rate limit: `perSecond` tokens a second, at most `burst` saved up. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #updatedMs: number;

  constructor(settings: { perSecond: number; burst: number }, nowMs: number) {
    this.#perSecond = settings.perSecond;
    this.#burst = settings.burst;
    this.#tokens = settings.burst;
    this.#updatedMs = nowMs;
  }

  /** Takes `count` tokens when there are that many. `nowMs` is monotonic time. */
  take(nowMs: number, count = 1): boolean {
    this.#refill(nowMs);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** Puts one back that was taken for what came to nothing. */
  giveBack(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  /** Takes `count` tokens in any case and tells how long to pause until the debt is paid. */
  spend(nowMs: number, count = 1): number {
    this.#refill(nowMs);
    this.#tokens -= count;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000;
  }

  #refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#updatedMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs / 1000) * this.#perSecond);
    this.#updatedMs = nowMs;
  }
}
