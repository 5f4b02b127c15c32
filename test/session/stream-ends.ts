import { createHash, type Hash } from 'node:crypto';

import type { Link, LinkLoad } from '../../src/session/link.ts';
import type { Session } from '../../src/session/session.ts';
import type { SessionStream, StreamHandlers, StreamReset } from '../../src/session/stream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { End, twoIdentities } from './two-ends.ts';

/** A stream's owner that notes what it is told, and reads only when it is let. */
export class Tap implements StreamHandlers {
  readonly stream: SessionStream;
  readonly told: string[] = [];
  readonly received: Hash = createHash('sha256');
  receivedBytes = 0;
  isReading = true;
  hasEnded = false;
  onDrained: () => void = () => undefined;
  onBytes: (bytes: Uint8Array) => void = () => undefined;

  constructor(stream: SessionStream) {
    this.stream = stream;
    stream.handlers = this;
  }

  accepted(): void {
    this.told.push('accepted');
  }

  readable(): void {
    if (this.isReading) this.read();
  }

  drained(): void {
    this.onDrained();
  }

  reset({ by, code }: StreamReset): void {
    this.told.push(`reset by ${by}: ${code}`);
  }

  /** Everything that is there, or one piece. */
  read(limit = Infinity): void {
    for (let i = 0; i < limit; i++) {
      const bytes = this.stream.read();
      if (bytes === undefined) return;
      if (bytes === 'end') {
        if (!this.hasEnded) this.told.push('end');
        this.hasEnded = true;
        return;
      }
      this.received.update(bytes);
      this.receivedBytes += bytes.length;
      this.onBytes(bytes);
    }
  }
}

/** An end that has streams: those that come in are kept, and taken unless a test says otherwise. */
export class StreamEnd extends End {
  readonly streams: Tap[] = [];
  onStream: (tap: Tap) => void = ({ stream }) => {
    stream.accept();
  };

  stream(stream: SessionStream): void {
    const tap = new Tap(stream);
    this.streams.push(tap);
    this.onStream(tap);
  }
}

/** Bytes take fractions of a millisecond; the time of day has none. */
class FineClock extends ManualClock {
  override now(): number {
    return Math.floor(super.now());
  }
}

/** A link with a bottleneck, before which packets queue without end; cut, it loses what is under way. */
export class NarrowLink implements Link {
  readonly kind = 'direct';
  readonly maxPacketBytes = 2 ** 21;
  readonly #clock: ManualClock;
  readonly #receiver: () => Session;
  readonly #delayMs: number;
  readonly #bytesPerMs: number;
  readonly #lossEveryBytes: number;
  #freeMs = 0;
  #sentBytes = 0;
  #lastArrivalMs = 0;
  readonly #showsLoad: boolean;
  #underWayBytes = 0;
  isResting = false;
  #isAlive = true;

  constructor(clock: ManualClock, receiver: () => Session, path: NarrowPath) {
    this.#clock = clock;
    this.#receiver = receiver;
    this.#delayMs = path.delayMs;
    this.#bytesPerMs = path.bytesPerMs;
    this.#lossEveryBytes = path.lossEveryBytes ?? Infinity;
    this.#showsLoad = path.showsLoad ?? false;
  }

  /** How long what is sent now waits for what was sent before. */
  get waitingMs(): number {
    return Math.max(0, this.#freeMs - this.#clock.monotonic());
  }

  get load(): LinkLoad | undefined {
    const { isResting } = this;
    return this.#showsLoad ? { underWayBytes: this.#underWayBytes, isResting } : undefined;
  }

  send(packet: Uint8Array): void {
    const nowMs = this.#clock.monotonic();
    this.#freeMs = Math.max(nowMs, this.#freeMs) + packet.length / this.#bytesPerMs;
    const lostMs = this.#lostMs(packet.length);
    const arrivalMs = this.#freeMs + this.#delayMs + lostMs;
    this.#underWayBytes += packet.length;
    // Acknowledged one by one, so that nothing waits for what was lost but that itself.
    this.#clock.after(arrivalMs + this.#delayMs - nowMs, () => {
      this.#underWayBytes -= packet.length;
    });
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, arrivalMs);
    this.#clock.after(this.#lastArrivalMs - nowMs, () => {
      if (this.#isAlive) this.#receiver().receive(Uint8Array.from(packet));
    });
  }

  cut(): void {
    this.#isAlive = false;
  }

  /** What is lost arrives a round trip later, since it is sent again, and all behind it waits for it. */
  #lostMs(bytes: number): number {
    const before = Math.floor(this.#sentBytes / this.#lossEveryBytes);
    this.#sentBytes += bytes;
    return Math.floor(this.#sentBytes / this.#lossEveryBytes) > before ? 2 * this.#delayMs : 0;
  }
}

export interface NarrowPath {
  /** One way. */
  readonly delayMs: number;
  readonly bytesPerMs: number;
  readonly lossEveryBytes?: number;
  /** The link says what it has under way. */
  readonly showsLoad?: boolean;
}

/** Two ends with streams and an open session between them, which `low` began. */
export class StreamEnds {
  readonly clock = new FineClock();
  readonly low: StreamEnd;
  readonly high: StreamEnd;
  lowLink: NarrowLink;
  highLink: NarrowLink;

  constructor(path: NarrowPath = { delayMs: 10, bytesPerMs: 50_000 }, seed = 1) {
    const [low, high] = twoIdentities(seed);
    const { clock } = this;
    this.low = new StreamEnd({ identity: low, remote: high.chain, clock, seed: seed + 1 });
    this.high = new StreamEnd({ identity: high, remote: low.chain, clock, seed: seed + 2 });
    [this.lowLink, this.highLink] = this.connect(path);
    this.low.session.open();
    clock.advance(1000);
  }

  connect(path: NarrowPath): [NarrowLink, NarrowLink] {
    this.lowLink = new NarrowLink(this.clock, () => this.high.session, path);
    this.highLink = new NarrowLink(this.clock, () => this.low.session, path);
    this.low.session.setLink(this.lowLink);
    this.high.session.setLink(this.highLink);
    return [this.lowLink, this.highLink];
  }

  /** Both ends lose the link and everything on it. */
  cut(): void {
    this.lowLink.cut();
    this.highLink.cut();
    this.low.session.setLink(undefined);
    this.high.session.setLink(undefined);
  }

  /** Opened by `low`, with the other end of it. */
  pair(port = 7): [Tap, Tap] {
    const ours = new Tap(this.low.session.openStream(port, 50_000));
    this.clock.advance(300);
    const theirs = this.high.streams.at(-1);
    if (theirs === undefined) throw new Error('no stream arrived');
    return [ours, theirs];
  }
}
