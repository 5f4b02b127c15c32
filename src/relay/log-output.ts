import { write } from 'node:fs';

import type { Clock } from '../base/clock.ts';

/** Bytes that a reader of our output may be behind; more are dropped rather than held. */
const MAX_BACKLOG_BYTES = 2 ** 20;
/** A reader that is slow at the moment. */
const RETRY_MS = 100;

/**
 * Log lines on their way to a descriptor, in order, and held up by nothing but one another. What it does not
 * take, since its disk is full or its reader is gone, is dropped: a relay does without its log.
 */
export class LogOutput {
  readonly #descriptor: number;
  readonly #clock: Clock;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #whenWritten: (() => void)[] = [];

  constructor(descriptor: number, clock: Clock) {
    this.#descriptor = descriptor;
    this.#clock = clock;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > MAX_BACKLOG_BYTES) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isWriting) this.#writeWaiting();
  }

  /** Resolves when everything is written or dropped, at the latest after `ms`. */
  async flush(ms: number): Promise<void> {
    if (!this.#isWriting) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      this.#whenWritten.push(() => {
        cancel();
        resolve();
      });
    });
  }

  #writeWaiting(): void {
    this.#isWriting = this.#waiting.length > 0;
    if (this.#isWriting) this.#writeRest(Buffer.concat(this.#waiting.splice(0)));
    else for (const written of this.#whenWritten.splice(0)) written();
  }

  #writeRest(rest: Buffer): void {
    write(this.#descriptor, rest, (error, written) => {
      if (error?.code === 'EAGAIN') {
        this.#clock.after(RETRY_MS, () => {
          this.#writeRest(rest);
        });
        return;
      }
      const left = error === null ? rest.subarray(written) : Buffer.alloc(0);
      this.#waitingBytes -= rest.length - left.length;
      if (left.length > 0) this.#writeRest(left);
      else this.#writeWaiting();
    });
  }
}
