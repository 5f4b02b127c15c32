/** Sixteen reads of a socket. */
const MAX_HELD_BYTES = 2 ** 20;

/**
 * The memory that frames hold which wait for a receiver. Each is a view into what was read with it: 40 bytes may
 * hold a read of 64 KiB, and the 33 of an UNREACHABLE the 1.5 MiB of what it answers. The socket counts the
 * small number, so who has such frames sent past a receiver that does not read could fill the memory. Only so
 * much is held in that way; what comes then is copied.
 */
export class HeldReads {
  #bytes = 0;
  #last: ArrayBufferLike | undefined;

  /** What to give to the socket for `frame`; `waitingBytes` is what it has not sent yet. */
  take(frame: Uint8Array, waitingBytes: number): Uint8Array {
    const { buffer } = frame;
    if (waitingBytes === 0) {
      this.#bytes = 0;
      this.#last = undefined;
    }
    // All frames of one read come one after the other.
    if (buffer === this.#last || buffer.byteLength <= 2 * frame.length) return frame;
    if (this.#bytes + buffer.byteLength > MAX_HELD_BYTES) return new Uint8Array(frame);
    this.#bytes += buffer.byteLength;
    this.#last = buffer;
    return frame;
  }

  /** The frames of a read have been taken: it is not held here any longer. */
  readIsOver(): void {
    this.#last = undefined;
  }
}
