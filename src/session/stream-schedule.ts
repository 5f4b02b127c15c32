/**
 * Whose frame is next. What streams owe (OPEN, ACCEPT, WINDOW, RST) goes first, in the order in which it came
 * to be owed. Then data:
 *
 *     had nothing to send ──> [fresh] ──frame──> [rest] ──turn, more to send──┐
 *                                ^                ^ │ └───────────────────────┘ nothing: out
 *                                └─ has to send, ─┘ │
 *                                   has some left ──┘
 *
 * A stream may send a quantum in each turn of the rest. One that used less of its last goes before the rest when it
 * has more: a question need not wait for bulk, and who asks often gets two quanta for every turn of others at most.
 */
import type { Stream } from './stream.ts';
import type { StreamFrameBody } from './stream-frame.ts';

/** Data in one turn: large enough that a frame costs little beside its bytes. */
export const QUANTUM_BYTES = 32 * 1024;

export class StreamSchedule {
  readonly #control = new Set<Stream>();
  readonly #fresh = new Set<Stream>();
  readonly #rest = new Set<Stream>();
  /** Of those that had a turn, what they did not use of it. */
  readonly #left = new Map<Stream, number>();

  /** The stream has something for the peer now. */
  add(stream: Stream): void {
    if (stream.hasControl) this.#control.add(stream);
    if (stream.hasData && (this.#left.get(stream) ?? QUANTUM_BYTES) > 0) this.#fresh.add(stream);
  }

  remove(stream: Stream): void {
    for (const list of [this.#control, this.#fresh, this.#rest, this.#left]) list.delete(stream);
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

  /** A frame with at most so many bytes of data; fewer than a quantum make a shorter turn. */
  takeData(maxBytes: number): StreamFrameBody | undefined {
    const quantum = Math.min(maxBytes, QUANTUM_BYTES);
    for (const stream of this.#fresh) {
      this.#fresh.delete(stream);
      const frame = this.#turn(stream, Math.min(quantum, this.#left.get(stream) ?? QUANTUM_BYTES));
      if (frame !== undefined) return frame;
    }
    for (const stream of this.#rest) {
      this.#rest.delete(stream);
      this.#left.delete(stream);
      const frame = this.#turn(stream, quantum);
      if (frame !== undefined) return frame;
    }
    return undefined;
  }

  #turn(stream: Stream, maxBytes: number): StreamFrameBody | undefined {
    if (!stream.hasData) return undefined;
    // Before: what it is told while the frame is made may end it.
    this.#rest.add(stream);
    this.#left.set(stream, 0);
    const frame = stream.takeData(maxBytes);
    const left = maxBytes - (frame?.body.length ?? 0);
    if (this.#left.has(stream)) this.#left.set(stream, hasMore(stream) ? 0 : Math.max(0, left));
    return frame;
  }
}

function hasMore(stream: Stream): boolean {
  return stream.hasData;
}
