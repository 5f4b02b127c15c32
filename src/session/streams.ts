/**
 * The streams of one session: who they are, what comes in for them, whose frame goes out next.
 *
 * Ids rise on either side: even ones are those of the session's initiator, odd ones its peer's. A frame for an
 * id that was used and is over is skipped: it crossed our RST. One for an id that never was, or against the
 * rules of a stream, is a violation.
 */
import type { Clock } from '../base/clock.ts';
import { PilotError } from '../base/pilot-error.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { ClosedReason } from './closed-reason.ts';
import { readable } from './readable.ts';
import { type SessionStream, Stream, type StreamPlace } from './stream.ts';
import {
  decodeStreamFrame,
  encodeStreamFrame,
  type StreamFrame,
  type StreamFrameBody,
} from './stream-frame.ts';
import { StreamSchedule } from './stream-schedule.ts';
import { MAX_STREAMS, ReceiveWindow, StreamWindows } from './stream-windows.ts';
import type { Violation } from './violation.ts';

/** A stream costs some 50 µs on either side; a page of a web site opens a few dozen at once. */
const OPENINGS = { perSecond: 1000, burst: 2000 };
/** More refusals than streams that a sound peer can have opened: it does not read them. */
const MAX_REFUSALS = 1024;

export interface StreamsDeps {
  readonly clock: Clock;
  readonly isInitiator: boolean;
  readonly rttMs: () => number | undefined;
  /** Takes a stream that the peer opened, or refuses it, now or later. */
  readonly incoming: (stream: SessionStream) => void;
  /** There is something to send. */
  readonly flushSoon: () => void;
}

type OpenFrame = Extract<StreamFrame, { kind: 'open' }>;

export class Streams {
  readonly #deps: StreamsDeps;
  readonly #streams = new Map<number, Stream>();
  readonly #schedule = new StreamSchedule();
  readonly #windows = new StreamWindows();
  readonly #openings: TokenBucket;
  readonly #refusals: StreamFrameBody[] = [];
  #nextId: number;
  /** Of the peer's ids, the first that it may use. */
  #nextPeerId: number;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
    this.#nextId = deps.isInitiator ? 0 : 1;
    this.#nextPeerId = 1 - this.#nextId;
    this.#openings = new TokenBucket(OPENINGS, deps.clock.monotonic());
  }

  get size(): number {
    return this.#streams.size;
  }

  /** PilotError `unavailable` when there are too many. */
  open(port: number, sourcePort: number): SessionStream {
    const id = this.#nextId;
    const stream = this.#make({ id, port, sourcePort, isOurs: true });
    if (stream === undefined) {
      throw new PilotError('unavailable', `${MAX_STREAMS} streams with this peer are open`, {
        hint: 'close some of them, or use each for more than one request',
      });
    }
    this.#nextId += 2;
    stream.begin();
    return stream;
  }

  /** `type` is one of `isStreamFrame`. */
  receive(type: number, body: Uint8Array): Violation | undefined {
    const frame = readable((bytes) => decodeStreamFrame(type, bytes), body);
    if (frame === undefined) return 'malformed_frame';
    if (frame.kind === 'open') return this.#onOpen(frame);
    const stream = this.#streams.get(frame.id);
    if (stream !== undefined) return stream.receive(frame);
    const isOurs = frame.id % 2 === this.#nextId % 2;
    const isOver = frame.id < (isOurs ? this.#nextId : this.#nextPeerId);
    return isOver ? undefined : 'unknown_stream';
  }

  /** Something waits to be sent. */
  get hasFrames(): boolean {
    return this.#refusals.length > 0 || this.#schedule.hasControl || this.#schedule.hasData;
  }

  get hasData(): boolean {
    return this.#schedule.hasData;
  }

  takeControl(): StreamFrameBody | undefined {
    return this.#refusals.shift() ?? this.#schedule.takeControl();
  }

  /** At most a quantum of one stream's bytes, and at most so many. */
  takeData(maxBytes: number): StreamFrameBody | undefined {
    return this.#schedule.takeData(maxBytes);
  }

  /** The session is over, and they with it. */
  end(reason: ClosedReason): void {
    this.#refusals.length = 0;
    for (const stream of [...this.#streams.values()]) stream.sessionEnded(reason);
  }

  #onOpen(frame: OpenFrame): Violation | undefined {
    const { id, port, sourcePort, windowBytes } = frame;
    if (id % 2 === this.#nextId % 2 || id < this.#nextPeerId) return 'bad_stream_id';
    this.#nextPeerId = id + 2;
    const { clock, incoming } = this.#deps;
    if (!this.#openings.take(clock.monotonic())) return this.#refuse(id, 'rate_limited');
    const stream = this.#make({ id, port, sourcePort, isOurs: false });
    if (stream === undefined) return this.#refuse(id, 'too_many_streams');
    stream.offered(windowBytes);
    incoming(stream);
    return undefined;
  }

  #refuse(id: number, code: string): Violation | undefined {
    this.#refusals.push(encodeStreamFrame({ kind: 'reset', id, code }));
    this.#deps.flushSoon();
    return this.#refusals.length <= MAX_REFUSALS ? undefined : 'refusals_unread';
  }

  #make(place: StreamPlace): Stream | undefined {
    const { clock, rttMs, flushSoon } = this.#deps;
    const windowBytes = this.#windows.first();
    if (windowBytes === undefined) return undefined;
    const window = new ReceiveWindow(windowBytes, {
      ...{ windows: this.#windows, rttMs },
      nowMs: () => clock.monotonic(),
    });
    const stream = new Stream(place, {
      window,
      hasFrames: (one) => {
        this.#schedule.add(one);
        flushSoon();
      },
      left: (one) => {
        window.giveBack();
        this.#schedule.remove(one);
        this.#streams.delete(one.id);
      },
    });
    this.#streams.set(place.id, stream);
    return stream;
  }
}
