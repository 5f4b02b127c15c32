/**
 * One open session: its keys, its frames in and out, and whether the peer is still there. It is made when
 * a handshake is through and ends for good; what comes after is another one.
 */
import type { Clock } from '../base/clock.ts';
import { decodeClose, encodeClose } from './close-frame.ts';
import { Flush } from './flush.ts';
import {
  decodeFrames,
  encodePathPong,
  encodePong,
  FRAME,
  type Frame,
  type OutgoingFrame,
} from './frame.ts';
import { type Link, takesDatagram } from './link.ts';
import { Liveness } from './liveness.ts';
import { PacketWriter } from './packet-writer.ts';
import { PendingFrames } from './pending-frames.ts';
import { Pings } from './pings.ts';
import { readable } from './readable.ts';
import { ReliableStream } from './reliable-stream.ts';
import type { SessionCounters } from './session-counters.ts';
import type { ClosedReason } from './session-handlers.ts';
import { type Epoch, SessionKeys } from './session-keys.ts';
import type { SessionSettings } from './session-settings.ts';
import type { SessionStream } from './stream.ts';
import { isStreamFrame } from './stream-frame.ts';
import { StreamTraffic } from './stream-traffic.ts';
import type { Streams } from './streams.ts';
import { frameViolation, type Violation } from './violation.ts';

export interface ConversationEvents {
  readonly message: (body: Uint8Array) => void;
  readonly datagram: (body: Uint8Array) => void;
  /** The peer opened a stream. Undefined: there are none here, and their frames are unknown ones. */
  readonly stream: ((stream: SessionStream) => void) | undefined;
  readonly writable: () => void;
  /**
   * New keys are wanted: the old ones are due, or the peer leaves our questions unanswered and a handshake
   * shows whether it still knows this session. Called again and again until there are some.
   */
  readonly wantsKeys: () => void;
  /** Another sample of the round trip; smoothed. */
  readonly measured: (rttMs: number) => void;
  /** `code`: which rule was broken, by the peer or, where it is the one that closed, by us. */
  readonly ended: (reason: 'dead' | 'peer_closed' | 'violation', code?: string) => void;
}

export interface ConversationDeps {
  readonly id: Uint8Array;
  /** We began it, so we are the first to ask for new keys. */
  readonly isInitiator: boolean;
  readonly epoch: Epoch;
  readonly peerWindowBytes: number;
  readonly peerFeatures: readonly string[];
  readonly clock: Clock;
  readonly settings: SessionSettings;
  readonly counters: SessionCounters;
  /** Runs a function when the current turn is over, so that the frames of one turn share packets. */
  readonly defer: (run: () => void) => void;
  readonly events: ConversationEvents;
}

export class Conversation {
  readonly id: Uint8Array;
  readonly isInitiator: boolean;
  readonly openedMs: number;
  readonly peerFeatures: readonly string[];
  readonly keys: SessionKeys;
  readonly #deps: ConversationDeps;
  readonly #stream: ReliableStream;
  readonly #liveness: Liveness;
  readonly #pings: Pings;
  readonly #pending = new PendingFrames();
  readonly #flush: Flush;
  readonly #traffic: StreamTraffic | undefined;
  #link: Link | undefined;
  /** Of the packet that is being taken in; one answer a packet, so that none makes many. */
  #pathPong: OutgoingFrame | undefined;
  #lastAskedMs: number;
  #hasEnded = false;

  constructor(deps: ConversationDeps) {
    const { clock, settings } = deps;
    this.id = deps.id;
    this.isInitiator = deps.isInitiator;
    this.peerFeatures = deps.peerFeatures;
    this.openedMs = clock.monotonic();
    this.#deps = deps;
    this.#lastAskedMs = this.openedMs;
    this.keys = new SessionKeys(clock, settings, deps.epoch);
    this.#flush = new Flush(deps.defer, () => {
      this.#writePackets();
    });
    this.#pings = new Pings(clock, deps.events.measured);
    this.#stream = new ReliableStream({
      clock,
      peerWindowBytes: deps.peerWindowBytes,
      receiveWindowBytes: settings.receiveWindowBytes,
      flushSoon: this.#flush.soon,
      onSilence: () => {
        this.#onSilence();
      },
      onWritable: deps.events.writable,
      onAcknowledged: (next, bytes) => {
        this.#traffic?.acknowledged(next, bytes);
      },
    });
    this.#traffic = this.#newTraffic();
    this.#liveness = new Liveness({
      clock,
      linkGraceMs: settings.linkGraceMs,
      // Who only waits for the other end of a stream has to hear that there is none any more.
      hasUnacknowledged: () => this.#stream.hasUnacknowledged || (this.streams?.size ?? 0) > 0,
      sendProbe: () => {
        this.#queue(this.#pings.probe());
      },
      onDead: () => {
        deps.events.ended('dead');
      },
    });
  }

  get rttMs(): number | undefined {
    return this.#pings.rttMs;
  }

  /** Undefined when the owner has none. */
  get streams(): Streams | undefined {
    return this.#traffic?.streams;
  }

  /** The bodies given to `send` that the peer has not acknowledged. */
  get unacknowledged(): Uint8Array[] {
    return this.#stream.unacknowledged(FRAME.message);
  }

  /** The handshake's round trip. */
  sampleRtt(rttMs: number): void {
    this.#pings.sample(rttMs);
  }

  /** The first link, before anything has been sent; afterwards `changeLink`. */
  begin(link: Link | undefined): void {
    this.#link = link;
    this.#stream.begin(link !== undefined);
    this.#liveness.linkChanged(link !== undefined);
    if (link !== undefined) this.#liveness.used();
  }

  changeLink(link: Link | undefined): void {
    this.#link = link;
    this.#lastAskedMs = this.#deps.clock.monotonic();
    this.#stream.linkChanged(link !== undefined);
    this.#liveness.linkChanged(link !== undefined);
    this.#pings.changeLink();
    this.#traffic?.linkChanged();
    this.#flush.soon();
  }

  /** New keys that we asked for: the peer waits for a packet under them, so it gets a question at once. */
  installKeys(epoch: Epoch): void {
    this.keys.install(epoch);
    this.confirmKeys();
  }

  /** New keys that the peer asked for and has used already. */
  takeOverKeys(epoch: Epoch): void {
    this.keys.install(epoch);
    this.#flush.soon();
  }

  /** Sends something that wants an answer, and again until it comes. */
  confirmKeys(): void {
    this.#stream.ask();
    this.#flush.soon();
  }

  send(body: Uint8Array): boolean {
    this.#liveness.used();
    this.#pings.noteUse();
    return this.#stream.push(FRAME.message, body);
  }

  /** False when it cannot go out now. */
  sendDatagram(body: Uint8Array): boolean {
    if (!takesDatagram(this.#link) || this.keys.sealing === undefined) return false;
    this.#liveness.used();
    return this.#queue({ type: FRAME.datagram, sequence: undefined, body });
  }

  async ping(timeoutMs: number): Promise<number> {
    this.#liveness.used();
    return this.#pings.ping(timeoutMs, (frame) => {
      this.#queue(frame);
    });
  }

  /** Over that link and back by it, beside whatever the session's own link carries. */
  async pingOver(link: Link, timeoutMs: number): Promise<number> {
    this.#liveness.used();
    return this.#pings.pathPing(timeoutMs, (frame) => {
      this.#writeAlone(frame, link);
    });
  }

  /** Takes in the frames of a packet. `via`: the link it came by, if that is known. */
  receive(plaintext: Uint8Array, via?: Link): void {
    this.#liveness.received();
    const frames = readable(decodeFrames, plaintext);
    if (frames === undefined) this.#onViolation('malformed_frame');
    for (const frame of frames ?? []) {
      if (this.#hasEnded) return;
      if (frame.sequence !== undefined) this.#onReliable(frame, frame.sequence);
      else if (!this.#onFrame(frame)) this.#onViolation(frameViolation(frame.type));
    }
    const pathPong = this.#pathPong;
    this.#pathPong = undefined;
    if (pathPong !== undefined) this.#writeAlone(pathPong, via ?? this.#link);
  }

  /** Tells the peer that it is over, and why if that is its fault, after what has been given to `send` so far. */
  sendClose(code?: string): void {
    this.#writePackets(encodeClose(code));
  }

  end(reason: ClosedReason): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#flush.stop();
    this.#stream.stop();
    this.#liveness.stop();
    this.keys.erase();
    this.#pings.stop();
    this.#traffic?.stop(reason);
  }

  #onViolation(what: Violation): void {
    this.#deps.counters.drop('bad_frame');
    this.#deps.events.ended('violation', what);
  }

  /** False for what only a broken peer sends: malformed, or an acknowledgement of what was never sent. */
  #onFrame({ type, body }: Frame): boolean {
    switch (type) {
      case FRAME.ack:
        return this.#stream.onAck(body);
      case FRAME.resume:
        return this.#stream.onResume(body);
      case FRAME.ping:
        return this.#onPing(readable(encodePong, body));
      case FRAME.pong:
      case FRAME.pathPong:
        return this.#pings.onPong(body, type === FRAME.pathPong);
      case FRAME.pathPing:
        this.#pathPong = readable(encodePathPong, body);
        return this.#pathPong !== undefined;
      case FRAME.close:
        this.#deps.events.ended('peer_closed', decodeClose(body));
        return true;
      case FRAME.datagram:
        this.#liveness.used();
        this.#deps.events.datagram(body);
        return true;
      default:
        this.#deps.counters.drop('unknown_frame');
        return true;
    }
  }

  #onPing(pong: OutgoingFrame | undefined): boolean {
    if (pong !== undefined && !this.#queue(pong)) this.#deps.counters.drop('rate_limited');
    return pong !== undefined;
  }

  #onReliable({ type, body }: Frame, sequence: number): void {
    const { counters, events } = this.#deps;
    this.#liveness.used();
    switch (this.#stream.accept(sequence, body.length)) {
      case 'duplicate':
        counters.drop('duplicate_frame');
        return;
      case 'gap':
        counters.drop('out_of_order');
        return;
      case 'deliver':
        if (type === FRAME.message) events.message(body);
        else if (this.streams === undefined || !isStreamFrame(type)) counters.drop('unknown_frame');
        else this.#onStreamFrame(this.streams.receive(type, body));
    }
  }

  #onStreamFrame(violation: Violation | undefined): void {
    if (violation === undefined) this.#pings.noteUse();
    else this.#onViolation(violation);
  }

  #onSilence(): void {
    // Nothing at all since the last question: perhaps the peer has lost this session.
    const isUnanswered = this.#liveness.lastReceivedMs < this.#lastAskedMs;
    this.#lastAskedMs = this.#deps.clock.monotonic();
    if (isUnanswered && this.keys.current?.isConfirmed === true) this.#deps.events.wantsKeys();
  }

  #newTraffic(): StreamTraffic | undefined {
    const { clock, events, isInitiator } = this.#deps;
    if (events.stream === undefined) return undefined;
    return new StreamTraffic({
      ...{ clock, isInitiator, incoming: events.stream, sequence: this.#stream },
      ...{ rttMs: () => this.#pings.rttMs, link: () => this.#link },
      measure: (answered) => {
        this.#queue(this.#pings.measure(answered));
      },
      flushSoon: this.#flush.soon,
    });
  }

  /** False when so much waits already that somebody is not playing by the rules. */
  #queue(frame: OutgoingFrame): boolean {
    const isQueued = this.#pending.add(frame);
    if (isQueued) this.#flush.soon();
    return isQueued;
  }

  #writePackets(last?: OutgoingFrame): void {
    if (this.#hasEnded || this.#link === undefined) return;
    const { events } = this.#deps;
    if (last === undefined && this.keys.isRekeyDue(this.isInitiator)) events.wantsKeys();
    const epoch = this.keys.sealing;
    if (epoch === undefined) return;
    const writer = this.#writer(epoch, () => this.#link);
    // First of all: it may want a ping, which has to leave before what it makes.
    this.#traffic?.fill();
    for (const frame of this.#pending.takeAll()) writer.add(frame);
    const ping = this.#pings.takeDue();
    if (ping !== undefined) writer.add(ping);
    this.#stream.takeFrames((frame) => {
      writer.add(frame);
    });
    if (last !== undefined) writer.add(last);
    writer.end();
  }

  /** In a packet of its own, which may overtake others or be overtaken. */
  #writeAlone(frame: OutgoingFrame, link: Link | undefined): void {
    const epoch = this.#hasEnded ? undefined : this.keys.sealing;
    if (epoch === undefined) return;
    const writer = this.#writer(epoch, () => link);
    writer.add(frame);
    writer.end();
  }

  #writer(epoch: Epoch, link: () => Link | undefined): PacketWriter {
    return new PacketWriter((parts, length) => {
      if (this.#hasEnded) return;
      const packet = epoch.send.seal(parts, length);
      this.#deps.counters.sent(packet);
      link()?.send(packet);
    });
  }
}
