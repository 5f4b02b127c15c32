import { type Cancel, type Clock, every } from '../../base/clock.ts';

/** RFC 4787, REQ-5: a mapping of UDP lives two minutes at least. */
export const FLOW_IDLE_MS = 120_000;
const SWEEP_MS = FLOW_IDLE_MS / 8;

interface Kept<Flow> {
  readonly flow: Flow;
  usedMs: number;
}

/** Who talks to whom by UDP: a flow ends when it has been silent for two minutes, or is the most silent of too many. */
export class FlowTable<Flow extends { close(): void }> {
  readonly #clock: Clock;
  readonly #limit: number;
  /** The most silent first. */
  readonly #flows = new Map<string, Kept<Flow>>();
  #cancel: Cancel | undefined;

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#flows.size;
  }

  /** Marks it as used. */
  use(key: string): Flow | undefined {
    const kept = this.#flows.get(key);
    if (kept === undefined) return undefined;
    kept.usedMs = this.#clock.monotonic();
    this.#flows.delete(key);
    this.#flows.set(key, kept);
    return kept.flow;
  }

  add(key: string, flow: Flow): void {
    this.end(key);
    this.#flows.set(key, { flow, usedMs: this.#clock.monotonic() });
    const [oldest] = this.#flows.keys();
    if (this.#flows.size > this.#limit && oldest !== undefined) this.end(oldest);
    this.#cancel ??= every(this.#clock, SWEEP_MS, () => {
      this.#sweep();
    });
  }

  end(key: string): void {
    const kept = this.#flows.get(key);
    this.#flows.delete(key);
    kept?.flow.close();
    if (this.#flows.size === 0) this.#stopSweeping();
  }

  endAll(): void {
    for (const key of [...this.#flows.keys()]) this.end(key);
  }

  #sweep(): void {
    const oldestMs = this.#clock.monotonic() - FLOW_IDLE_MS;
    for (const [key, { usedMs }] of [...this.#flows]) {
      if (usedMs > oldestMs) return;
      this.end(key);
    }
  }

  #stopSweeping(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
