/** A message every so often from one daemon to another, for as long as it is not stopped: when does what arrive? */
import { setTimeout as pause } from 'node:timers/promises';

import { payloadText, PilotClient } from '../../src/client/client.ts';
import type { Station } from './station.ts';

const EVERY_MS = 50;
/** Longer than any daemon is suspended. */
const CALL_TIMEOUT_MS = 120_000;

export class Flow {
  readonly #name: string;
  readonly #client: PilotClient;
  readonly #to: Station;
  /** By number; before it is given to the daemon. */
  readonly #sentMs: number[] = [];
  readonly #arrived: { readonly number: number; readonly atMs: number }[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #sentAll = new AbortController();
  readonly #closed = new AbortController();
  #sending: Promise<void> = Promise.resolve();

  private constructor(from: Station, to: Station) {
    this.#name = `${from.name} to ${to.name}`;
    this.#client = new PilotClient({
      socketPath: from.node.paths.socket,
      timeoutMs: CALL_TIMEOUT_MS,
    });
    this.#to = to;
  }

  static async start(from: Station, to: Station): Promise<Flow> {
    const flow = new Flow(from, to);
    await flow.#listen(from.id);
    flow.#sending = flow.#send();
    return flow;
  }

  /** From then (`performance.now`) until something arrives that was sent after it. Throws when nothing does. */
  async againAfter(sinceMs: number, timeoutMs: number): Promise<number> {
    const deadlineMs = sinceMs + timeoutMs;
    for (;;) {
      const first = this.#arrived.find(({ number }) => (this.#sentMs[number] ?? 0) >= sinceMs);
      if (first !== undefined) return first.atMs - sinceMs;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`${this.#name}: nothing within ${timeoutMs} ms`);
      await this.#news(leftMs);
    }
  }

  /** Sends no more. Throws unless everything sent arrived, once and in order, within this time. */
  async finish(timeoutMs: number): Promise<void> {
    this.#sentAll.abort();
    await this.#sending;
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#arrived.length < this.#sentMs.length && performance.now() < deadlineMs) {
      await this.#news(deadlineMs - performance.now());
    }
    const wrong = this.#arrived.findIndex(({ number }, at) => number !== at);
    if (wrong !== -1) {
      const got = this.#arrived[wrong]?.number ?? -1;
      throw new Error(`${this.#name}: message ${got} came instead of message ${wrong}`);
    }
    if (this.#arrived.length < this.#sentMs.length) {
      throw new Error(
        `${this.#name}: of ${this.#sentMs.length} messages only ${this.#arrived.length} arrived`,
      );
    }
  }

  /** Whatever became of it. */
  close(): void {
    this.#sentAll.abort();
    this.#closed.abort();
    this.#client.close();
  }

  async #listen(from: string): Promise<void> {
    const { client } = this.#to;
    const events = await client.subscribe(['message.received'], { signal: this.#closed.signal });
    void (async () => {
      try {
        for await (const { data } of events) {
          if (data.from.id !== from) continue;
          this.#arrived.push({ number: Number(payloadText(data)), atMs: performance.now() });
          for (const wake of this.#waiting) wake();
        }
      } catch {
        // Stopped, or the daemon is gone: then nothing arrives, and whoever waits says so.
      }
    })();
  }

  async #send(): Promise<void> {
    while (!this.#sentAll.signal.aborted) {
      const number = this.#sentMs.push(performance.now()) - 1;
      await this.#client.send(this.#to.id, String(number));
      await pause(EVERY_MS);
    }
  }

  async #news(atMostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, atMostMs);
      this.#waiting.add(wake);
    });
  }
}
