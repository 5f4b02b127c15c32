/**
 * Whose frame is next. What streams owe (OPEN, ACCEPT, WINDOW, RST) goes first, in the order in which it came
 * to be owed. Then data, a turn each:
 *
 *     had nothing to send ──> [fresh] ──turn──> [rest] ──turn, more to send──┐
 *                                                 ^  └────────────────────────┘ nothing: out
 *
 * A fresh stream goes before the rest once, so that a question need not wait for bulk, and cannot push the
 * rest aside by asking again and again (as RFC 8290 does with flows).
 */
import type { Stream } from './stream.ts';
import type { StreamFrameBody } from './stream-frame.ts';

/** Data in one turn: large enough that a frame costs little beside its bytes. */
export const QUANTUM_BYTES = 32 * 1024;

export class StreamSchedule {
  readonly #control = new Set<Stream>();
  readonly #fresh = new Set<Stream>();
  readonly #rest = new Set<Stream>();

  /** The stream has something for the peer now. */
  add(stream: Stream): void {
    if (stream.hasControl) this.#control.add(stream);
    if (stream.hasData && !this.#rest.has(stream)) this.#fresh.add(stream);
  }

  remove(stream: Stream): void {
    for (const list of [this.#control, this.#fresh, this.#rest]) list.delete(stream);
  }

  get hasControl(): boolean {
    return this.#control.size > 0;
  }

  get hasData(): boolean {
    return this.#fresh.size + this.#rest.size > 0;
  }

  takeControl(): StreamFrameBody | undefined {
    for (const stream of this.#control) {
      this.#control.delete(stream);
      const frame = stream.takeControl();
      if (frame !== undefined) return frame;
    }
    return undefined;
  }

  takeData(): StreamFrameBody | undefined {
    for (const list of [this.#fresh, this.#rest]) {
      for (const stream of list) {
        list.delete(stream);
        if (!stream.hasData) continue;
        // Before its turn: what it is told in it may bring more.
        this.#rest.add(stream);
        const frame = stream.takeData(QUANTUM_BYTES);
        if (frame !== undefined) return frame;
      }
    }
    return undefined;
  }
}
