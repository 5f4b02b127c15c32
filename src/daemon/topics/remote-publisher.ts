/**
 * Events of this host's programs on their way to the broker of one peer, over one stream.
 *
 *     publish ──> unsent ──dial──> stream ──> broker ──taken──> resolved
 *                    └── failed ──> all that is pending fails; the next event dials again
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import { ANSWER_MS, followBroker, noAnswer } from './broker-stream.ts';

export interface RemotePublisherDeps {
  readonly clock: Clock;
  readonly dial: () => Promise<PeerStream>;
}

interface Pending {
  readonly bytes: number;
  readonly taken: (subscribers: number) => void;
  readonly failed: (error: Error) => void;
}

/** What waits for the broker's answer: several seconds of a publisher at its burst. */
const MAX_PENDING = 2048;
const MAX_PENDING_BYTES = 32 * 2 ** 20;
/** A stream that nobody publishes on is given up after this long. */
const IDLE_MS = 60_000;

export class RemotePublisher {
  readonly #deps: RemotePublisherDeps;
  #stream: PeerStream | undefined;
  /** In the order of the calls, until there is a stream. */
  #unsent: Buffer[] = [];
  #pending: Pending[] = [];
  #pendingBytes = 0;
  /** Of the silence of the broker, or of our own. */
  #cancel: Cancel = () => undefined;

  constructor(deps: RemotePublisherDeps) {
    this.#deps = deps;
  }

  get isIdle(): boolean {
    return this.#pending.length === 0;
  }

  /** Resolves when the broker has it, with how many got it. Whether it arrived is not known after an error. */
  async publish(frame: Buffer): Promise<number> {
    const isFull =
      this.#pending.length >= MAX_PENDING || this.#pendingBytes + frame.length > MAX_PENDING_BYTES;
    if (isFull) {
      throw new PilotError('unavailable', 'too many events are on their way to this broker', {
        hint: 'publish fewer at once, or more slowly; the broker takes 100 a second by default',
      });
    }
    return new Promise((resolve, reject) => {
      this.#pendingBytes += frame.length;
      this.#pending.push({ bytes: frame.length, taken: resolve, failed: reject });
      if (this.#stream !== undefined) {
        this.#stream.write(frame);
        if (this.#pending.length === 1) this.#watch(this.#stream);
        return;
      }
      this.#unsent.push(frame);
      if (this.#unsent.length > 1) return;
      this.#open().catch((error: unknown) => {
        this.#unsent = [];
        this.#fail(error as Error);
      });
    });
  }

  close(): void {
    this.#cancel();
    this.#stream?.destroy();
  }

  async #open(): Promise<void> {
    const stream = await this.#deps.dial();
    this.#stream = stream;
    followBroker(
      stream,
      { kind: 'publish' },
      {
        control: (control) => {
          if (control.kind === 'taken') this.#taken(stream, control.subscribers);
        },
        event: () => undefined,
        ended: (error) => {
          // One that was idle has been let go.
          if (this.#stream !== stream) return;
          this.#stream = undefined;
          this.#cancel();
          this.#fail(error ?? noAnswer());
        },
      },
    );
    for (const frame of this.#unsent.splice(0)) stream.write(frame);
    this.#watch(stream);
  }

  #taken(stream: PeerStream, subscribers: readonly number[]): void {
    for (const [i, { bytes, taken }] of this.#pending.splice(0, subscribers.length).entries()) {
      this.#pendingBytes -= bytes;
      taken(subscribers[i] ?? 0);
    }
    if (this.#stream === stream) this.#watch(stream);
  }

  /** A broker takes one event a second at the least; what has not left yet is the session's to care for. */
  #watch(stream: PeerStream): void {
    this.#cancel();
    const isIdle = this.#pending.length === 0;
    this.#cancel = this.#deps.clock.after(isIdle ? IDLE_MS : ANSWER_MS, () => {
      if (isIdle) {
        this.#stream = undefined;
        stream.end();
      } else if (stream.writableLength > 0) this.#watch(stream);
      else stream.destroy(noAnswer());
    });
  }

  #fail(error: Error): void {
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const { failed } of pending) failed(error);
  }
}
