import { TokenBucket } from '../base/token-bucket.ts';
import { BURST_SECONDS, type RelayLimits } from './limits.ts';

/** Measures what one connection sends and tells how long not to read from it. */
export class FlowMeter {
  readonly #frames: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(limits: RelayLimits, nowMs: number) {
    this.#frames = bucket(limits.maxFramesPerSecond, nowMs);
    this.#bytes = bucket(limits.maxBytesPerSecond, nowMs);
  }

  /** Counts what came at `nowMs` (monotonic); the milliseconds to wait until the debt is paid. */
  count(nowMs: number, frames: number, bytes: number): number {
    return Math.max(this.#frames.spend(nowMs, frames), this.#bytes.spend(nowMs, bytes));
  }
}

function bucket(perSecond: number, nowMs: number): TokenBucket {
  return new TokenBucket({ perSecond, burst: perSecond * BURST_SECONDS }, nowMs);
}
