/**
 * A session's packets over a WebRTC data channel. The channel is reliable, ordered, and made of messages of
 * limited size, so packets travel as in a stream: each with its length in front (frame-reader.ts), cut into
 * messages where it is too long.
 *
 * Back-pressure: the process with the channel has at most `CHILD_WINDOW_BYTES` of it; the rest waits here.
 */
import { isIP } from 'node:net';

import type { Cancel, Clock } from '../../base/clock.ts';
import { WireError } from '../../base/wire-error.ts';
import type { Link } from '../../session/link.ts';
import { MIN_LINK_PACKET_BYTES } from '../../session/packet.ts';
import { FrameReader, LENGTH_BYTES, writeLength } from './frame-reader.ts';
import { CHILD_WINDOW_BYTES, MAX_CHANNEL_MESSAGE_BYTES } from './webrtc-pipe.ts';
import type { WebRtcConnection, WebRtcProcess } from './webrtc-process.ts';

/** As the direct link. */
const MAX_BUFFERED_BYTES = 8 * 2 ** 20;
/** The library itself gives up after 39.5 s. */
const CONNECT_TIMEOUT_MS = 15_000;
/** Ours have 700 bytes, a browser's with its candidates some kilobytes. */
const MAX_SDP_CHARACTERS = 16 * 1024;
const MAX_CANDIDATE_CHARACTERS = 512;

export interface WebRtcLinkHandlers {
  /** For the peer's `setDescription`. */
  description(sdp: string): void;
  /** For the peer's `addCandidate`. */
  candidate(line: string): void;
  /** From now on what is sent goes out; before it is lost. */
  opened(): void;
  /** Belongs to whom it is given. */
  packet(packet: Uint8Array): void;
  /** Once, and the last that is heard of the link; not after `close`. */
  closed(reason: string): void;
}

export interface WebRtcLinkOptions {
  readonly process: WebRtcProcess;
  readonly clock: Clock;
  /** One side offers, the other answers. */
  readonly role: 'offer' | 'answer';
  /** Default: every interface. */
  readonly bindAddress?: string;
  readonly handlers: WebRtcLinkHandlers;
}

export class WebRtcLink implements Link {
  readonly kind = 'webrtc';
  readonly maxPacketBytes = MIN_LINK_PACKET_BYTES;
  readonly #handlers: WebRtcLinkHandlers;
  readonly #connection: WebRtcConnection;
  readonly #reader: FrameReader;
  readonly #cancelDeadline: Cancel;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #childBytes = 0;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #packetsLost = 0;

  constructor({ process, clock, role, bindAddress = '', handlers }: WebRtcLinkOptions) {
    this.#handlers = handlers;
    this.#reader = new FrameReader(this.maxPacketBytes, (packet) => {
      handlers.packet(packet);
    });
    this.#cancelDeadline = clock.after(CONNECT_TIMEOUT_MS, () => {
      this.#end(`no channel within ${CONNECT_TIMEOUT_MS / 1000} s`);
    });
    this.#connection = process.open(role, bindAddress, {
      description: (sdp) => {
        handlers.description(sdp);
      },
      candidate: (line) => {
        handlers.candidate(line);
      },
      opened: () => {
        this.#state = 'open';
        this.#cancelDeadline();
        handlers.opened();
      },
      data: (bytes) => {
        this.#onData(bytes);
      },
      sent: (bytes) => {
        this.#childBytes -= bytes;
        this.#flush();
      },
      closed: (reason) => {
        this.#end(reason);
      },
    });
  }

  /** Packets that were not sent: no channel yet, or too much waited. */
  get packetsLost(): number {
    return this.#packetsLost;
  }

  /** The peer's. Candidates inside it are left out: `addCandidate` is the way that is checked. */
  setDescription(sdp: string): void {
    if (sdp.length > MAX_SDP_CHARACTERS) {
      this.#end('the peer’s description is too long');
      return;
    }
    const lines = sdp.split(/\r?\n/).filter((line) => !line.startsWith('a=candidate:'));
    this.#connection.setDescription(lines.join('\r\n'));
  }

  /** The peer's. False for one without a numeric address: names would be looked up. */
  addCandidate(line: string): boolean {
    if (candidateHost(line) === undefined) return false;
    this.#connection.addCandidate(line);
    return true;
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

  close(): void {
    if (this.#state === 'closed') return;
    this.#stop();
    this.#connection.close();
  }

  #flush(): void {
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
    try {
      this.#reader.push(bytes, () => this.#state !== 'closed');
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#end('the bytes of the channel make no packets');
    }
  }

  #end(reason: string): void {
    if (this.#state === 'closed') return;
    this.close();
    this.#handlers.closed(reason);
  }

  #stop(): void {
    this.#state = 'closed';
    this.#cancelDeadline();
    this.#queue = [];
    this.#queuedBytes = 0;
  }
}

/** `candidate:FOUNDATION COMPONENT udp PRIORITY HOST PORT typ …` (RFC 8839, 5.1); undefined unless numeric. */
export function candidateHost(line: string): string | undefined {
  if (line.length > MAX_CANDIDATE_CHARACTERS) return undefined;
  const [, , transport, , host, port] = line.replace(/^a=/, '').split(' ');
  const isUdp = line.includes('candidate:') && transport?.toLowerCase() === 'udp';
  if (!isUdp || host === undefined || isIP(host) === 0) return undefined;
  return /^\d{1,5}$/.test(port ?? '') ? host : undefined;
}
