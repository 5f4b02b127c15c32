/**
 * What runs over the pair of an attempt, and how the two sides agree on it: a UDX stream where both have UDX,
 * else a data channel, for which each side makes a certificate and tells its fingerprint.
 *
 *     [open] ── both have told a stream id ──> stream ──────────────── pair ──┬──> linked ──> up
 *        └───── one has not ──> channel ── certificates ── pair, channel open ┘
 *
 * What is sent to an end that is not there yet comes again only after a second. The controlled side has its
 * pair a round trip after the other one at the latest, and keeps silent until it hears something; so the other
 * one waits for that long and sends first.
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import { describeError } from '../../base/pilot-error.ts';
import type { SelectedPair } from '../../ice/ice-settings.ts';
import type { Link } from '../../session/link.ts';
import type { Underlay, UnderlayChannel, UnderlayLink } from './underlay.ts';

/** What an offer or an answer says of it. */
export interface TransportTerms {
  /** By which packets find the sender's end of the stream; absent: it has no UDX. */
  readonly streamId?: number;
}

export interface PathTransportDeps {
  readonly clock: Clock;
  readonly underlay: Underlay;
  /** Of the attempt; it is the client of DTLS. */
  readonly isOffering: boolean;
  readonly handlers: {
    /** To the peer. */
    tellFingerprint(fingerprint: string): void;
    /** The link may be used. */
    up(): void;
    /** A packet leaves by the link. */
    sent(): void;
    /** Belongs to whom it is given. */
    packet(packet: Uint8Array): void;
    /** Nothing comes of it, or what came is over. Once; not after `close`. */
    ended(code: string, text: string): void;
  };
}

/** On top of the round trip, for two busy machines. */
const READY_MARGIN_MS = 30;
/** A first round trip may have waited for a lost packet. */
const MAX_READY_MS = 500;

export class PathTransport {
  readonly terms: TransportTerms;
  readonly #deps: PathTransportDeps;
  #theirs: TransportTerms | undefined;
  #stream: UnderlayLink | undefined;
  #channel: UnderlayChannel | undefined;
  #carrier: Link | undefined;
  #state: 'waiting' | 'linked' | 'up' | 'ended' = 'waiting';
  #cancelReady: Cancel = () => undefined;

  constructor(deps: PathTransportDeps) {
    this.#deps = deps;
    const { underlay } = deps;
    this.terms = underlay.hasStreams ? { streamId: underlay.newStreamId() } : {};
  }

  /** Undefined until it is up. */
  get link(): Link | undefined {
    return this.#state === 'up' ? this.#carrier : undefined;
  }

  /** Measured by the transport; undefined while it is not known. */
  get rttMs(): number | undefined {
    return this.#stream?.rttMs;
  }

  /** Our terms are told. Without UDX it will be a channel whatever the peer says. False: that has ended it. */
  told(): boolean {
    if (this.terms.streamId === undefined) this.#openChannel();
    return this.#state !== 'ended';
  }

  /** The peer's terms. Those that come first count. */
  agree(theirs: TransportTerms): void {
    if (this.#theirs !== undefined) return;
    this.#theirs = theirs;
    const { streamId } = this.terms;
    if (streamId === undefined || theirs.streamId === undefined) this.#openChannel();
  }

  /** Of the peer's certificate. */
  accept(fingerprint: string): void {
    this.#channel?.accept(fingerprint);
  }

  /** Both sides use this pair; `isFirst`: we before the peer. Only the first one counts, after the peer's terms. */
  use(pair: SelectedPair, isFirst: boolean): void {
    if (this.#state !== 'waiting' || this.#theirs === undefined) return;
    this.#state = 'linked';
    if (this.#channel === undefined && !this.#openStream(pair, this.#theirs.streamId ?? 0)) return;
    const begins = this.#channel === undefined ? isFirst : this.#deps.isOffering;
    if (!begins) {
      this.#channel?.use(pair.base, pair.remote.endpoint);
      return;
    }
    const readyMs = Math.min(MAX_READY_MS, (pair.rttMs ?? MAX_READY_MS) + READY_MARGIN_MS);
    this.#cancelReady = this.#deps.clock.after(readyMs, () => {
      if (this.#channel === undefined) this.#becomeUp();
      else this.#channel.use(pair.base, pair.remote.endpoint);
    });
  }

  /** Sends what it has, for a moment. No handler is called any more. May be called twice. */
  async close(): Promise<void> {
    this.#state = 'ended';
    this.#cancelReady();
    await Promise.all([this.#stream?.close(), this.#channel?.close()]);
  }

  #openStream(pair: SelectedPair, remoteId: number): boolean {
    const { underlay, handlers } = this.#deps;
    const address = {
      ...{ base: pair.base, remote: pair.remote.endpoint },
      ...{ localId: this.terms.streamId ?? 0, remoteId },
    };
    try {
      this.#stream = underlay.openLink(address, {
        packet: (packet) => {
          this.#becomeUp();
          handlers.packet(packet);
        },
        closed: (reason) => {
          this.#end(`link_${reason}`, `the link ended: ${reason}`);
        },
      });
      return true;
    } catch (error) {
      this.#end('link_failed', describeError(error));
      return false;
    }
  }

  #openChannel(): void {
    if (this.#channel !== undefined || this.#state !== 'waiting') return;
    const { underlay, handlers, isOffering } = this.#deps;
    try {
      this.#channel = underlay.openChannel(isOffering, {
        described: (fingerprint) => {
          if (this.#state !== 'ended') handlers.tellFingerprint(fingerprint);
        },
        opened: () => {
          this.#becomeUp();
        },
        packet: (packet) => {
          handlers.packet(packet);
        },
        closed: (reason, detail) => {
          this.#end(`link_${reason}`, `the link ended: ${reason} (${detail})`);
        },
      });
    } catch (error) {
      this.#end('link_failed', describeError(error));
      return;
    }
    if (this.#channel !== undefined) return;
    this.#end('no_common_transport', 'the peer has no UDX, and this node has no data channels');
  }

  #becomeUp(): void {
    const link = this.#stream ?? this.#channel;
    if (this.#state !== 'linked' || link === undefined) return;
    this.#state = 'up';
    this.#carrier = {
      kind: link.kind,
      maxPacketBytes: link.maxPacketBytes,
      get load() {
        return link.load;
      },
      send: (packet) => {
        this.#deps.handlers.sent();
        link.send(packet);
      },
    };
    this.#deps.handlers.up();
  }

  #end(code: string, text: string): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#cancelReady();
    this.#deps.handlers.ended(code, text);
  }
}
