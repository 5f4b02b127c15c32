import type { Cancel, Clock } from '../../base/clock.ts';
import type { IpcStream } from './ipc-stream.ts';

/** More is not read from a client whose streams have not taken as much. */
const FULL_BYTES = 1024 * 1024;
/** About 9 kB/s: slower than that a stream is dead, and it keeps its client from being heard. */
const STALL_MS = 120_000;

/** What the streams of one client have been given and not taken yet. */
export class SendBacklog {
  readonly #clock: Clock;
  /** Those that asked for a pause. */
  readonly #behind = new Set<IpcStream>();
  #cancelStall: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFull(): boolean {
    let bytes = 0;
    for (const stream of this.#behind) bytes += stream.backlogBytes;
    const isFull = bytes >= FULL_BYTES;
    if (isFull) this.#cancelStall ??= this.#clock.after(STALL_MS, this.#stalled);
    return isFull;
  }

  add(stream: IpcStream): void {
    this.#behind.add(stream);
  }

  /** It has taken all, or never will. */
  remove(stream: IpcStream): void {
    if (!this.#behind.delete(stream)) return;
    this.#cancelStall?.();
    this.#cancelStall = undefined;
  }

  clear(): void {
    for (const stream of [...this.#behind]) this.remove(stream);
  }

  readonly #stalled = (): void => {
    this.#cancelStall = undefined;
    for (const stream of [...this.#behind]) stream.abandon('timeout');
  };
}
