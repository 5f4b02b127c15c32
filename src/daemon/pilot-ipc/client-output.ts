import type { Socket } from 'node:net';

import type { Cancel, Clock } from '../../base/clock.ts';

/** More than one Recv, so that a reader that keeps up never sees us wait. */
const FULL_BYTES = 256 * 1024;
/** Pilotctl interface 2.1. */
const WRITE_DEADLINE_MS = 10_000;

/**
 * What one client is told, in one order: replies, and what nobody asked for. A client that does not read is
 * given up; until then `isFull` keeps others from adding to what waits.
 */
export class ClientOutput {
  /** It is no longer full. */
  onRoom: () => void = () => undefined;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #onStuck: () => void;
  #cancelDeadline: Cancel | undefined;

  constructor(socket: Socket, clock: Clock, onStuck: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#onStuck = onStuck;
    socket.on('drain', () => {
      this.#cancelDeadline?.();
      this.#cancelDeadline = undefined;
      this.onRoom();
    });
    socket.once('close', () => {
      this.#cancelDeadline?.();
    });
  }

  get isFull(): boolean {
    return this.#socket.writableLength >= FULL_BYTES;
  }

  write(frame: Uint8Array): void {
    if (this.#socket.destroyed || this.#socket.write(frame, this.#taken)) return;
    this.#cancelDeadline ??= this.#clock.after(WRITE_DEADLINE_MS, this.#onStuck);
  }

  /** It took a frame. While there are always more, the socket never drains. */
  readonly #taken = (): void => {
    if (this.#cancelDeadline === undefined || this.#socket.destroyed) return;
    this.#cancelDeadline();
    this.#cancelDeadline = this.#clock.after(WRITE_DEADLINE_MS, this.#onStuck);
  };
}
