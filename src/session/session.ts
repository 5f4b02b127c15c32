/**
 * One peer, for as long as its owner wants to deal with it. Sessions come and go within:
 *
 *               open()               response: accepted
 *      idle ─────────────> opening ──────────────────────> open ──┐ the peer begins anew:
 *       ^ ^                 │   │                          ^  │   │ closed(replaced), opened
 *       │ └─────────────────┘   │ first packet under keys  │ <┘───┘
 *       │  refused, timeout     └──────────────────────────┤
 *       │        first packet under keys we answered with  │
 *       ├──────────────────────────────────────────────────┘
 *       └─────────────── open: dead, peer_closed, violation, handshake_timeout (no new keys in time)
 *
 * close() leads from everywhere to closed, and nothing leads out of that. From idle, `open` or the peer's
 * initiation starts again. Handshakes for new keys of an open session run beside the state (handshakes.ts).
 */
import { PilotError } from '../base/pilot-error.ts';
import type { KeyChain } from '../identity/key-chain.ts';
import { Conversation, type ConversationEvents } from './conversation.ts';
import { MAX_BODY_BYTES } from './frame.ts';
import { Handshakes } from './handshakes.ts';
import { fitsEarly, type InitiatorOutcome } from './initiator.ts';
import type { Link } from './link.ts';
import { MIN_LINK_PACKET_BYTES, PACKET, sealedReceiver } from './packet.ts';
import type { HalfOpen, PeerInitiation } from './responder.ts';
import { SessionCounters } from './session-counters.ts';
import type { SessionDeps } from './session-deps.ts';
import type { ClosedReason } from './session-handlers.ts';
import type { Epoch } from './session-keys.ts';
import { DEFAULT_SESSION_SETTINGS, type SessionSettings } from './session-settings.ts';
import type { SessionStream } from './stream.ts';

/** As large as a UDP datagram can be; what a path carries in one piece is for the caller to know. */
export const MAX_DATAGRAM_BYTES = 65_507;

type Phase =
  | { readonly kind: 'idle' | 'opening' | 'closed' }
  | { readonly kind: 'open'; readonly conversation: Conversation };

interface Established {
  readonly id: Uint8Array;
  readonly isInitiator: boolean;
  readonly epoch: Epoch;
  readonly peerWindowBytes: number;
  readonly peerFeatures: readonly string[];
}

interface Ending {
  readonly kind?: 'idle' | 'closed';
  readonly code?: string | undefined;
}

/** What we can do beyond version 1 of the protocol, as handshakes name it. */
const STREAMS = 'streams';

export class Session {
  readonly counters = new SessionCounters();
  readonly #deps: SessionDeps;
  readonly #settings: SessionSettings;
  readonly #handshakes: Handshakes;
  #phase: Phase = { kind: 'idle' };
  #link: Link | undefined;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#settings = { ...DEFAULT_SESSION_SETTINGS, ...deps.settings };
    this.#handshakes = new Handshakes({
      session: deps,
      settings: this.#settings,
      counters: this.counters,
      features: deps.handlers.stream === undefined ? [] : [STREAMS],
      phase: () => this.#phase,
      events: {
        send: (packet) => {
          this.#sendHandshake(packet);
        },
        answered: (outcome) => {
          this.#onAnswered(outcome);
        },
        timedOut: () => {
          this.#onHandshakeTimeout();
        },
      },
    });
  }

  get state(): Phase['kind'] {
    return this.#phase.kind;
  }

  /** The peer's key chain, as far as it has told, or the owner has heard. */
  get remote(): KeyChain {
    return this.#handshakes.remote;
  }

  /** Smoothed round trip on the link of now, in milliseconds; undefined while it is not known. */
  get rttMs(): number | undefined {
    return this.#conversation?.rttMs;
  }

  /** A new path, on which everything goes on; undefined: there is none at the moment. */
  setLink(link: Link | undefined): void {
    if (link !== undefined && link.maxPacketBytes < MIN_LINK_PACKET_BYTES) {
      throw new RangeError(`a link has to carry packets of ${MIN_LINK_PACKET_BYTES} bytes`);
    }
    if (this.#phase.kind === 'closed') return;
    this.#link = link;
    this.#handshakes.resend();
    this.#conversation?.changeLink(link);
  }

  /**
   * Starts the handshake; no-op unless idle. The early items travel in its first message and reach the
   * peer's `admit`. PilotError when they are too large for that (`fitsEarly`).
   */
  open(early: readonly Uint8Array[] = []): void {
    if (!fitsEarly(early)) throw tooLarge('these early items do', 'send them once it is open');
    if (this.#phase.kind !== 'idle') return;
    this.#phase = { kind: 'opening' };
    this.#handshakes.open(early);
  }

  /**
   * Takes in whatever the peer's links deliver, and owns it from then on. Throws for none of it. `via`: the
   * way back by which it came, for a ping that asks about it; without it the answer takes the session's link.
   */
  receive(packet: Uint8Array, via?: Link): void {
    this.counters.received(packet);
    if (this.#phase.kind === 'closed') {
      this.counters.drop('closed');
      return;
    }
    const { buffer: memory, byteOffset, byteLength } = packet;
    const buffer = Buffer.isBuffer(packet) ? packet : Buffer.from(memory, byteOffset, byteLength);
    switch (buffer[0] ?? 0) {
      case PACKET.sealed:
        this.#onSealed(buffer, via);
        return;
      case PACKET.initiation:
        this.#handshakes.onInitiation(buffer);
        return;
      case PACKET.response:
        this.#handshakes.onResponse(buffer);
        return;
      case PACKET.cookie:
        this.#handshakes.onCookie(buffer);
        return;
      default:
        this.counters.drop('malformed');
    }
  }

  /**
   * Takes the body over for reliable delivery: it must not change any more. False when not open, or when
   * the window is full (`writable` follows); nothing was taken then.
   */
  send(body: Uint8Array): boolean {
    if (body.length > MAX_BODY_BYTES) throw tooLarge('this body does', 'send it in parts');
    return this.#conversation?.send(body) ?? false;
  }

  /** May be lost, doubled or overtake. False when it cannot go out now. */
  sendDatagram(body: Uint8Array): boolean {
    if (body.length > MAX_DATAGRAM_BYTES) throw tooLarge('this datagram does', 'send it in parts');
    return this.#conversation?.sendDatagram(body) ?? false;
  }

  /** There is an open session, and the peer has streams (and with them ports). */
  get hasPeerStreams(): boolean {
    return this.#conversation?.peerFeatures.includes(STREAMS) ?? false;
  }

  /**
   * A stream to a port of the peer, which may write when it was `accepted`. PilotError `connection_failed`
   * without an open session, `not_supported` when the peer has no streams, `unavailable` when there are too many.
   */
  openStream(port: number, sourcePort: number): SessionStream {
    const { streams } = this.#needConversation();
    if (streams !== undefined && this.hasPeerStreams) return streams.open(port, sourcePort);
    throw new PilotError('not_supported', 'the other node has no streams', {
      hint: 'it runs an older release: update it',
    });
  }

  /** The round trip in milliseconds. PilotError `timeout`, `connection_failed` or `unavailable`. */
  async ping(timeoutMs: number): Promise<number> {
    return this.#needConversation().ping(timeoutMs);
  }

  /**
   * The round trip over one of the peer's links, in use or not, and back by the same one. What it finds says
   * nothing of `rttMs`. It may be dropped as a late packet while more than 2,000 others overtake it.
   */
  async pingOver(link: Link, timeoutMs: number): Promise<number> {
    return this.#needConversation().pingOver(link, timeoutMs);
  }

  #needConversation(): Conversation {
    if (this.#conversation !== undefined) return this.#conversation;
    throw new PilotError('connection_failed', 'there is no open session with this peer', {
      hint: 'see `pilotctl peers` for its state',
    });
  }

  /** Ends the open session, if there is one: idle afterwards. The peer is told if it can be. */
  restart(): void {
    if (this.#conversation === undefined) return;
    this.#conversation.sendClose();
    this.#finish('local');
  }

  /** The end of this object; the peer is told if it can be. */
  close(): void {
    if (this.#phase.kind === 'closed') return;
    this.#conversation?.sendClose();
    this.#finish('local', { kind: 'closed' });
  }

  get #conversation(): Conversation | undefined {
    return this.#phase.kind === 'open' ? this.#phase.conversation : undefined;
  }

  #sendHandshake(packet: Uint8Array): void {
    if (this.#link === undefined) return;
    this.counters.sent(packet);
    this.#link.send(packet);
  }

  #onSealed(packet: Buffer, via: Link | undefined): void {
    const index = sealedReceiver(packet);
    if (index === undefined) {
      this.counters.drop('malformed');
      return;
    }
    const halfOpen = this.#handshakes.halfOpen(index);
    const epoch = halfOpen?.epoch ?? this.#conversation?.keys.find(index);
    if (epoch === undefined) {
      this.counters.drop('unknown_receiver');
      return;
    }
    const plaintext = epoch.receive.open(packet);
    if (typeof plaintext === 'string') this.counters.drop(plaintext);
    else if (halfOpen === undefined || this.#confirm(halfOpen)) this.#takeIn(epoch, plaintext, via);
  }

  #takeIn(epoch: Epoch, plaintext: Uint8Array, via: Link | undefined): void {
    if (!epoch.isConfirmed) {
      epoch.isConfirmed = true;
      if (epoch.isInitiator) this.#handshakes.sessionConfirmed();
    }
    this.#conversation?.receive(plaintext, via);
  }

  /** The peer has the keys of our answer. False when they come to nothing. */
  #confirm(halfOpen: HalfOpen): boolean {
    const { epoch, initiation } = halfOpen;
    const meaning = this.#handshakes.confirm(halfOpen);
    switch (meaning) {
      case 'newKeys':
        this.#conversation?.takeOverKeys(epoch);
        return true;
      case 'oldKeys':
        this.#conversation?.keys.installLate(epoch);
        return true;
      case 'newSession':
        this.#beginAnew(epoch, initiation);
        return this.#phase.kind === 'open';
      case 'simultaneous':
      case 'unknown_receiver':
        this.counters.drop(meaning);
        return false;
    }
  }

  #beginAnew(epoch: Epoch, { session: id, peerWindowBytes, peerFeatures }: PeerInitiation): void {
    const replaced = this.#conversation;
    const unacknowledged = replaced?.unacknowledged ?? [];
    const peer = { peerWindowBytes, peerFeatures };
    const conversation = this.#establish({ id, isInitiator: false, epoch, ...peer });
    replaced?.end('replaced');
    if (replaced !== undefined) this.#deps.handlers.closed('replaced', unacknowledged);
    // The owner may have closed it on hearing that.
    if (this.#conversation === conversation) this.#deps.handlers.opened({ earlyDelivered: false });
  }

  #onAnswered(outcome: InitiatorOutcome): void {
    const { rekey, early, session: id } = outcome.request;
    if (outcome.kind === 'refused') {
      if (rekey) {
        this.#finish('peer_closed');
        return;
      }
      this.#phase = { kind: 'idle' };
      this.#deps.handlers.refused(outcome.code);
      return;
    }
    const { epoch, peerWindowBytes, peerFeatures, rttMs } = outcome;
    if (rekey) {
      this.#conversation?.installKeys(epoch);
      return;
    }
    const peer = { peerWindowBytes, peerFeatures };
    const conversation = this.#establish({ id, isInitiator: true, epoch, ...peer });
    if (rttMs !== undefined) conversation.sampleRtt(rttMs);
    conversation.confirmKeys();
    this.#deps.handlers.opened({ earlyDelivered: early.length > 0 });
  }

  #onHandshakeTimeout(): void {
    const conversation = this.#conversation;
    if (conversation === undefined) {
      this.#phase = { kind: 'idle' };
      this.#deps.handlers.closed('handshake_timeout', []);
    } else if (conversation.keys.sealing === undefined) {
      this.#finish('handshake_timeout');
    }
  }

  #establish(established: Established): Conversation {
    const { clock, handlers, defer = queueMicrotask } = this.#deps;
    const events: ConversationEvents = {
      message: (body) => {
        handlers.message(body);
      },
      datagram: (body) => {
        handlers.datagram(body);
      },
      stream:
        handlers.stream &&
        ((stream) => {
          handlers.stream?.(stream);
        }),
      writable: () => {
        handlers.writable();
      },
      wantsKeys: () => {
        this.#handshakes.rekey(conversation);
      },
      measured: (rttMs) => {
        handlers.measured?.(rttMs);
      },
      ended: (reason, code) => {
        if (reason !== 'peer_closed') conversation.sendClose(code);
        this.#finish(reason, { code });
      },
    };
    const conversation = new Conversation({
      ...established,
      ...{ clock, defer, events },
      settings: this.#settings,
      counters: this.counters,
    });
    this.#phase = { kind: 'open', conversation };
    conversation.begin(this.#link);
    return conversation;
  }

  #finish(reason: ClosedReason, { kind = 'idle', code }: Ending = {}): void {
    const unacknowledged = this.#conversation?.unacknowledged ?? [];
    const over = this.#conversation;
    this.#phase = { kind };
    if (kind === 'closed') this.#handshakes.stop();
    else this.#handshakes.cancel();
    over?.end(reason);
    this.#deps.handlers.closed(reason, unacknowledged, code);
  }
}

function tooLarge(what: string, hint: string): PilotError {
  return new PilotError('invalid_argument', `${what} not fit into what a session carries`, {
    hint,
  });
}
