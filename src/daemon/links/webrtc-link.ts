/**
 * A session's packets over a WebRTC data channel, which is reliable, ordered, and made of messages of limited
 * size: packets travel as in a stream, each with its length in front (frame-reader.ts), cut into messages
 * where it is too long.
 *
 *     [preparing] ── both certificates known, a way to the peer, DTLS, SCTP ──> [open]
 *          │                                                                     │
 *          └── close, the peer's end, the process dies, no channel in 10 s ──────┴──> [ending] ──> [closed]
 *
 * Back-pressure: the process with the channel has at most `CHILD_WINDOW_BYTES` of it; the rest waits here.
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import { WireError } from '../../base/wire-error.ts';
import type { Link } from '../../session/link.ts';
import { MIN_LINK_PACKET_BYTES } from '../../session/packet.ts';
import { FrameReader, LENGTH_BYTES, writeLength } from './frame-reader.ts';
import { WebRtcBridge } from './webrtc-bridge.ts';
import { CHILD_WINDOW_BYTES, MAX_CHANNEL_MESSAGE_BYTES } from './webrtc-pipe.ts';
import type { WebRtcConnection, WebRtcProcess } from './webrtc-process.ts';
import {
  answerTo,
  type Fingerprint,
  type LocalDescription,
  readDescription,
} from './webrtc-sdp.ts';

/**
 * - `channel_closed`: the peer's end is gone, or DTLS did not come about
 * - `timed_out`: there was no channel in time
 * - `bad_frame`: the bytes of the channel make no packets
 * - `process_ended`: the process with the library, or it does not answer
 */
export type WebRtcLinkEnd = 'channel_closed' | 'timed_out' | 'bad_frame' | 'process_ended';

/** As the direct link. */
const MAX_BUFFERED_BYTES = 8 * 2 ** 20;
/** DTLS repeats a lost flight after 1, 2 and 4 s. The library itself gives up after 30 s. */
const CONNECT_TIMEOUT_MS = 10_000;
/** As the direct link: a process that stops cannot wait for a bad path. */
const END_TIMEOUT_MS = 1000;
/** Of ours, until there is a way to the peer: a flight of DTLS and its repetitions. */
const MAX_HELD = 8;

export interface WebRtcLinkHandlers {
  /** Of our certificate: for the peer's `accept`. */
  described(fingerprint: Fingerprint): void;
  /** From now on what is sent goes out; before it is lost. */
  opened(): void;
  /** Belongs to whom it is given. */
  packet(packet: Uint8Array): void;
  /** Once, and the last that is heard of the link; not after `close`. */
  closed(reason: WebRtcLinkEnd, detail: string): void;
}

export interface WebRtcLinkOptions {
  readonly process: WebRtcProcess;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Begins DTLS; the other side waits for it. */
  readonly isClient: boolean;
  readonly handlers: WebRtcLinkHandlers;
}

export class WebRtcLink implements Link {
  readonly kind = 'webrtc';
  readonly maxPacketBytes = MIN_LINK_PACKET_BYTES;
  readonly #options: WebRtcLinkOptions;
  readonly #connection: WebRtcConnection;
  readonly #bridge: WebRtcBridge;
  readonly #reader: FrameReader;
  readonly #gone: Promise<void>;
  #resolveGone: () => void = () => undefined;
  #local: LocalDescription | undefined;
  #theirs: Fingerprint | undefined;
  #isConnected = false;
  #send: ((dtls: Uint8Array) => void) | undefined;
  #held: Uint8Array[] = [];
  #cancelDeadline: Cancel = () => undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #childBytes = 0;
  #state: 'preparing' | 'open' | 'ending' | 'closed' = 'preparing';
  #packetsLost = 0;

  constructor(options: WebRtcLinkOptions) {
    const { process, handlers } = options;
    this.#options = options;
    this.#gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    this.#reader = new FrameReader(this.maxPacketBytes, (packet) => {
      handlers.packet(packet);
    });
    this.#connection = process.open({
      description: (sdp) => {
        this.#onDescription(sdp);
      },
      ready: () => {
        this.#bridge.release();
      },
      opened: () => {
        this.#onOpened();
      },
      data: (bytes) => {
        this.#onData(bytes);
      },
      sent: (bytes) => {
        this.#childBytes -= bytes;
        this.#flush();
      },
      closed: (why) => {
        this.#onGone('channel_closed', why);
      },
      lost: (why) => {
        this.#onGone('process_ended', why);
      },
    });
    this.#bridge = new WebRtcBridge(options, {
      bound: () => {
        this.#connect();
      },
      dtls: (bytes) => {
        this.#sendDtls(bytes);
      },
      lost: () => {
        this.#end('process_ended', 'the library does not answer');
      },
    });
  }

  /** Packets that were not sent: no channel yet, or too much waited. */
  get packetsLost(): number {
    return this.#packetsLost;
  }

  /** Of the peer's certificate: no other will do. */
  accept(fingerprint: Fingerprint): void {
    this.#theirs ??= fingerprint;
    this.#connect();
  }

  /** There is a way to the peer, whose end is there: datagrams of DTLS for it. What it sends is for `receive`. */
  use(send: (dtls: Uint8Array) => void): void {
    if (this.#send !== undefined || this.#state !== 'preparing') return;
    this.#send = send;
    this.#cancelDeadline = this.#options.clock.after(CONNECT_TIMEOUT_MS, () => {
      this.#end('timed_out', `no channel within ${CONNECT_TIMEOUT_MS / 1000} s`);
    });
    for (const bytes of this.#held.splice(0)) send(bytes);
  }

  /** A datagram of DTLS from the peer. */
  receive(dtls: Uint8Array): void {
    this.#bridge.send(dtls);
  }

  send(packet: Uint8Array): void {
    const bytes = LENGTH_BYTES + packet.length;
    if (this.#state !== 'open' || this.#queuedBytes + bytes > MAX_BUFFERED_BYTES) {
      this.#packetsLost += 1;
      return;
    }
    const frame = Buffer.allocUnsafe(bytes);
    writeLength(frame, packet.length);
    frame.set(packet, LENGTH_BYTES);
    for (let at = 0; at < bytes; at += MAX_CHANNEL_MESSAGE_BYTES) {
      this.#queue.push(frame.subarray(at, at + MAX_CHANNEL_MESSAGE_BYTES));
    }
    this.#queuedBytes += bytes;
    this.#flush();
  }

  /** Resolves when what the channel had is sent, or a second is over. May be called twice. */
  async close(): Promise<void> {
    if (this.#state === 'preparing' || this.#state === 'open') {
      this.#state = 'ending';
      this.#cancelDeadline();
      this.#cancelDeadline = this.#options.clock.after(END_TIMEOUT_MS, () => {
        this.#stop();
      });
      for (const message of this.#queue.splice(0)) this.#connection.send(message);
      this.#connection.close();
    }
    return this.#gone;
  }

  /** The library has to know the peer's certificate before its ICE begins, or DTLS would begin without. */
  #connect(): void {
    const { endpoint } = this.#bridge;
    const [local, fingerprint] = [this.#local, this.#theirs];
    if (this.#isConnected || endpoint === undefined) return;
    if (local === undefined || fingerprint === undefined) return;
    this.#isConnected = true;
    const credentials = this.#bridge.connect(local.credentials);
    const isClient = !this.#options.isClient;
    this.#connection.setDescription(answerTo({ fingerprint, isClient, credentials, endpoint }));
  }

  #onDescription(sdp: string): void {
    if (this.#state !== 'preparing' || this.#local !== undefined) return;
    try {
      this.#local = readDescription(sdp);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#end('process_ended', error.message);
      return;
    }
    this.#options.handlers.described(this.#local.fingerprint);
    this.#connect();
  }

  #onOpened(): void {
    if (this.#state !== 'preparing') return;
    this.#state = 'open';
    this.#cancelDeadline();
    this.#options.handlers.opened();
  }

  #onGone(reason: WebRtcLinkEnd, why: string): void {
    if (this.#state === 'ending') this.#stop();
    else this.#end(reason, why);
  }

  #sendDtls(bytes: Uint8Array): void {
    if (this.#send !== undefined) this.#send(bytes);
    else if (this.#held.length < MAX_HELD) this.#held.push(bytes);
  }

  #flush(): void {
    if (this.#state !== 'open') return;
    let count = 0;
    for (const message of this.#queue) {
      if (this.#childBytes >= CHILD_WINDOW_BYTES) break;
      this.#connection.send(message);
      this.#childBytes += message.length;
      this.#queuedBytes -= message.length;
      count += 1;
    }
    this.#queue.splice(0, count);
  }

  #onData(bytes: Uint8Array): void {
    // Nothing comes before the channel is open, whichever of the two is told first.
    this.#onOpened();
    if (this.#state !== 'open') return;
    try {
      this.#reader.push(bytes, () => this.#state === 'open');
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#end('bad_frame', error.message);
    }
  }

  #end(reason: WebRtcLinkEnd, detail: string): void {
    if (this.#state === 'ending' || this.#state === 'closed') return;
    this.#connection.close();
    this.#stop();
    this.#options.handlers.closed(reason, detail);
  }

  #stop(): void {
    this.#state = 'closed';
    this.#cancelDeadline();
    this.#bridge.close();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#resolveGone();
  }
}
