import type { Cancel, Clock } from '../../base/clock.ts';

/** More is not read from a client whose streams have not taken as much. */
const FULL_BYTES = 1024 * 1024;
/** What a Send costs beside its bytes while it waits: 155 on V8's heap, up to 350 in all (Node 20, a byte each). */
const SEND_BYTES = 256;
/** About 9 kB/s: slower than that a stream is dead, and it keeps its client from being heard. */
const STALL_MS = 120_000;

export interface BackloggedStream {
  abandon(code: string): void;
}

/** The Sends of one client that its streams have been given and not taken yet. */
export class SendBacklog {
  readonly #clock: Clock;
  readonly #behind = new Map<BackloggedStream, number>();
  #bytes = 0;
  #cancelStall: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFull(): boolean {
    const isFull = this.#bytes >= FULL_BYTES;
    if (isFull) this.#cancelStall ??= this.#clock.after(STALL_MS, this.#stalled);
    return isFull;
  }

  /** A Send of so many bytes waits. */
  add(stream: BackloggedStream, length: number): void {
    this.#change(stream, length + SEND_BYTES);
  }

  /** It has left, or never will. True: that was the last one of the stream. */
  remove(stream: BackloggedStream, length: number): boolean {
    if (!this.#behind.has(stream)) return false;
    this.#change(stream, -(length + SEND_BYTES));
    if (this.#behind.has(stream)) return false;
    this.#restart();
    return true;
  }

  clear(): void {
    this.#behind.clear();
    this.#bytes = 0;
    this.#restart();
  }

  #change(stream: BackloggedStream, by: number): void {
    const bytes = (this.#behind.get(stream) ?? 0) + by;
    if (bytes === 0) this.#behind.delete(stream);
    else this.#behind.set(stream, bytes);
    this.#bytes += by;
  }

  #restart(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
  }

  readonly #stalled = (): void => {
    this.#cancelStall = undefined;
    for (const stream of [...this.#behind.keys()]) stream.abandon('timeout');
  };
}
