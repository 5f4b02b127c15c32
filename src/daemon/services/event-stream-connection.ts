/**
 * One stream to this node's broker (port 1002). Its first frame says what it is for:
 *
 *     an event, of an original client   subscribed to its topic; later events are published
 *     subscribe                         subscribed; later events are published
 *     publish                           events are published, and counted back (`taken`)
 *     retained                          the last events, then the end
 *     durable, forget                   `ok`, then the end
 *
 * A publisher that is faster than it may be is read from more slowly; nothing of it is lost.
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import type { TokenBucket } from '../../base/token-bucket.ts';
import { WireError } from '../../base/wire-error.ts';
import {
  decodeControl,
  encodeControl,
  type EventControl,
  MAX_TAKEN,
} from '../../client/event-control.ts';
import { type EventFrame, EventFrameReader } from '../../client/event-frame.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { DurableSubscribers } from '../topics/durable-subscribers.ts';
import type { EventBroker, Subscriber } from '../topics/event-broker.ts';
import type { EventBudget } from '../topics/event-budget.ts';
import { EventOutlet } from '../topics/event-outlet.ts';
import { filterFault, topicFault } from '../topics/topic-filter.ts';

export interface EventStreamDeps {
  readonly clock: Clock;
  readonly broker: EventBroker;
  /** Events that a peer wants as messages. */
  readonly durable: Pick<DurableSubscribers, 'keep' | 'forget'>;
}

/** What a peer has, for all its streams. */
export interface PeerAllowance {
  readonly rate: TokenBucket;
  /** Events that it has not read. */
  readonly unread: EventBudget;
  /** Events that it has not sent to their end. */
  readonly unfinished: EventBudget;
}

/** How long a new stream has to say what it is for. */
const FIRST_FRAME_MS = 30_000;
/** How often a publisher that does not read is looked at. */
const TAKEN_PAUSE_MS = 100;

export class EventStreamConnection {
  readonly #stream: PeerStream;
  readonly #deps: EventStreamDeps;
  readonly #allowance: PeerAllowance;
  readonly #reader = new EventFrameReader();
  #isWaiting = false;
  #isNew = true;
  /** The next event is to be kept. */
  #isRetained = false;
  #unfinishedBytes = 0;
  #leave: () => void = () => undefined;
  #subscriber: Subscriber | undefined;
  #counts: number[] | undefined;
  /** What is to be said when it is on disk: until then our half stays open, and counts wait for `#kept`. */
  #keeping = 0;
  #kept = Promise.resolve();
  #hasEnded = false;
  #cancel: Cancel;

  constructor(stream: PeerStream, deps: EventStreamDeps, allowance: PeerAllowance) {
    this.#stream = stream;
    this.#deps = deps;
    this.#allowance = allowance;
    this.#cancel = deps.clock.after(FIRST_FRAME_MS, () => {
      stream.abandon('timeout');
    });
    stream.on('data', (piece: Buffer) => {
      this.#reader.push(piece);
      this.#work();
    });
    stream.once('end', () => {
      this.#hasEnded = true;
      this.#endIfTold();
    });
    stream.once('close', () => {
      this.#cancel();
      this.#leave();
      allowance.unfinished.free(this.#unfinishedBytes);
    });
  }

  #work(): void {
    try {
      let event = this.#isWaiting ? undefined : this.#reader.next();
      while (event !== undefined && !this.#stream.destroyed) {
        if (this.#isNew) this.#begin(event);
        else this.#goOn(event);
        event = this.#isWaiting ? undefined : this.#reader.next();
      }
      this.#tellTaken();
      this.#countUnfinished();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#stream.abandon('malformed');
    }
  }

  #begin(first: EventFrame): void {
    this.#isNew = false;
    this.#cancel();
    if (first.topic !== '') {
      this.#subscribe(first.topic, false);
      return;
    }
    const control = decodeControl(first.payload);
    if (control === undefined) this.#stream.abandon('not_supported');
    else this.#obey(control);
  }

  #obey(control: EventControl): void {
    const { durable } = this.#deps;
    const { peer } = this.#stream;
    switch (control.kind) {
      case 'subscribe':
        this.#subscribe(control.filter, true);
        return;
      case 'publish':
        this.#counts = [];
        return;
      case 'retained':
        this.#tellRetained(control.filter);
        return;
      case 'durable':
        checkFilter(control.filter);
        this.#answer(durable.keep(peer, control.filter, control.id));
        return;
      case 'forget':
        this.#answer(durable.forget(peer, control.id).then(() => 0));
        return;
      case 'retain':
      case 'ok':
      case 'taken':
      case 'dropped':
      case 'gap':
      case 'ack':
        throw new WireError(`a stream begins with ${control.kind}`);
    }
  }

  #tellRetained(filter: string): void {
    checkFilter(filter);
    const { unread } = this.#allowance;
    const frames = this.#deps.broker.retained(filter);
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    if (!unread.hasRoom(bytes)) {
      this.#stream.abandon('busy');
      return;
    }
    unread.take(bytes);
    this.#stream.once('close', () => {
      unread.free(bytes);
    });
    this.#say({ kind: 'ok', count: frames.length });
    for (const frame of frames) this.#stream.write(frame);
    this.#stream.end();
  }

  /** Undefined: there are too many. */
  #answer(done: Promise<number | undefined>): void {
    // The end comes with the answer.
    this.#keeping += 1;
    done.then(
      (count) => {
        if (count === undefined) this.#stream.abandon('too_many');
        else this.#stream.end(encodeControl({ kind: 'ok', count }));
      },
      () => {
        this.#stream.abandon('unavailable');
      },
    );
  }

  #subscribe(filter: string, tells: boolean): void {
    checkFilter(filter);
    const outlet = new EventOutlet(this.#stream, { budget: this.#allowance.unread, tells });
    const subscriber: Subscriber = {
      deliver: ({ bytes }) => {
        outlet.push(bytes);
        return undefined;
      },
    };
    const leave = this.#deps.broker.subscribe(filter, subscriber);
    if (leave === undefined) {
      this.#stream.abandon('too_many');
      return;
    }
    this.#leave = leave;
    this.#subscriber = subscriber;
    if (tells) this.#say({ kind: 'ok', count: 0 });
  }

  #goOn(event: EventFrame): void {
    if (event.topic !== '') this.#publish(event);
    // Other controls are those of a later release.
    else if (decodeControl(event.payload)?.kind === 'retain') this.#isRetained = true;
  }

  #publish(event: EventFrame): void {
    if (topicFault(event.topic) !== undefined) throw new WireError('no topic for an event');
    const how = { from: this.#subscriber, isRetained: this.#isRetained };
    const reached = this.#deps.broker.publish(event, how);
    this.#isRetained = false;
    if (this.#counts !== undefined) this.#count(this.#counts, reached);
    const pauseMs = this.#allowance.rate.spend(this.#deps.clock.monotonic());
    if (pauseMs > 0 || (this.#counts?.length ?? 0) >= MAX_TAKEN) this.#tellTaken();
    if (pauseMs > 0) this.#wait(pauseMs);
  }

  /** In the order of the events, and not before what is to be kept is. */
  #count(counts: number[], reached: number | Promise<number>): void {
    if (typeof reached === 'number' && this.#keeping === 0) {
      counts.push(reached);
      return;
    }
    this.#keeping += 1;
    this.#kept = this.#kept
      .then(async () => reached)
      .then((count) => {
        this.#keeping -= 1;
        this.#counts?.push(count);
        this.#tellTaken();
        this.#endIfTold();
      });
  }

  /** A stream may end while it is paused: what came before that is still to be published. */
  #endIfTold(): void {
    if (this.#hasEnded && this.#keeping === 0 && !this.#isWaiting) this.#stream.end();
  }

  #tellTaken(): void {
    if (this.#counts === undefined || this.#counts.length === 0) return;
    this.#say({ kind: 'taken', subscribers: this.#counts });
    this.#counts = [];
    // It does not read what it is told: then it is not read either.
    if (this.#stream.writableNeedDrain) this.#wait(TAKEN_PAUSE_MS);
  }

  #wait(ms: number): void {
    this.#cancel();
    this.#isWaiting = true;
    this.#stream.pause();
    this.#cancel = this.#deps.clock.after(ms, () => {
      if (this.#counts !== undefined && this.#stream.writableNeedDrain) {
        this.#wait(TAKEN_PAUSE_MS);
        return;
      }
      this.#isWaiting = false;
      this.#work();
      this.#resume();
      this.#endIfTold();
    });
  }

  #resume(): void {
    if (!this.#isWaiting && !this.#stream.destroyed) this.#stream.resume();
  }

  #say(control: EventControl): void {
    if (!this.#stream.destroyed) this.#stream.write(encodeControl(control));
  }

  #countUnfinished(): void {
    if (this.#stream.destroyed) return;
    const { unfinished } = this.#allowance;
    const more = this.#reader.heldBytes - this.#unfinishedBytes;
    if (more > 0 && !unfinished.hasRoom(more)) {
      this.#stream.abandon('busy');
      return;
    }
    unfinished.take(more);
    this.#unfinishedBytes += more;
  }
}

function checkFilter(filter: string): void {
  const fault = filterFault(filter);
  if (fault !== undefined) throw new WireError(fault);
}
