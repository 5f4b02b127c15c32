/**
 * A session's packets over a UDX stream between two UDP sockets. UDX keeps order and sends again what is
 * lost; its headers are not authenticated, so what arrives may be rubbish: the session finds out about a
 * packet, and a length that cannot be ends the link.
 *
 *     [connected] ── changeRemote ──> [changing] ── everything sent before is there ──> [connected]
 *          │                              │
 *          │                              └── not within 3 s: the old path was dead ─────┐
 *          ├── the peer's end, UDX gives up, a broken frame, the port closes ───────────────┴──> [closed]
 *          └── close() ──> [ending] ── what was sent is there, 1 s over ────────────────────────────^
 *
 * UDX sends what is under way when the remote changes to where it was sent before. A path that does not
 * deliver any more therefore needs a new link, on which the session goes on; `changeRemote` is for a better
 * path beside one that works, and within one address family: libudx 1.21 fits the new address to the family
 * of the socket before.
 */
import { isIP } from 'node:net';

import type { UdxStream } from 'udx-native';

import { concatBytes } from '../../base/bytes.ts';
import type { Cancel, Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';
import type { Link, LinkLoad } from '../../session/link.ts';
import { MIN_LINK_PACKET_BYTES } from '../../session/packet.ts';
import { FrameReader, LENGTH_BYTES, writeLength } from './frame-reader.ts';
import type { Base, StreamAddress, UdpPort } from './udp-port.ts';
import { UdxLoad } from './udx-load.ts';

/**
 * - `peer_closed`: its end of the stream is gone
 * - `timed_out`: UDX got no acknowledgement for too long
 * - `change_failed`: what had been sent on the path before `changeRemote` did not arrive
 * - `bad_frame`: the bytes of the stream make no packets
 * - `port_closed`: the socket under it
 * - `failed`: anything else that UDX reports
 */
export type DirectLinkEnd =
  'peer_closed' | 'timed_out' | 'change_failed' | 'bad_frame' | 'port_closed' | 'failed';

/** As much as the relay's client holds; a session has at most half of it under way. */
const MAX_BUFFERED_BYTES = 8 * 2 ** 20;
/** So much is given to UDX at once; it says when it wants more. */
const BATCH_BYTES = 256 * 1024;
/** Below this, one copy is cheaper than one more piece for UDX. */
const COPY_BELOW_BYTES = 4096;
/**
 * While UDX probes the round trip it has four packets in flight, and each write is one: what comes in between goes
 * out together, as often as there is room for one.
 */
const RESTING_PACKETS = 4;
const MIN_GATHER_MS = 3;
const MAX_GATHERED_BYTES = 16 * 1024;
/** The relay takes over within this time when a path fails (issue: "traffic flows again within 3 s"). */
const CHANGE_TIMEOUT_MS = 3000;
/** A good path needs one round trip for the last bytes; a process that stops cannot wait for a bad one. */
const END_TIMEOUT_MS = 1000;

const END_BY_CODE: Readonly<Record<string, DirectLinkEnd>> = {
  ECONNRESET: 'peer_closed',
  ETIMEDOUT: 'timed_out',
};

/** Which socket sends to whom. */
export type Path = Pick<StreamAddress, 'base' | 'remote'>;

export interface DirectLinkHandlers {
  /** Belongs to whom it is given. */
  packet(packet: Uint8Array): void;
  /** Once, and the last that is heard of the link; not after `close`. */
  closed(reason: DirectLinkEnd): void;
}

export interface DirectLinkOptions extends StreamAddress {
  readonly port: UdpPort;
  readonly clock: Clock;
  readonly handlers: DirectLinkHandlers;
}

export class DirectLink implements Link {
  readonly kind = 'direct';
  readonly maxPacketBytes = MIN_LINK_PACKET_BYTES;
  readonly #options: DirectLinkOptions;
  readonly #stream: UdxStream;
  readonly #load: UdxLoad;
  readonly #reader: FrameReader;
  readonly #streamClosed: Promise<void>;
  /** What UDX has no room for at the moment. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #hasRoom = true;
  /** Set while what is sent is gathered. */
  #cancelGathering: Cancel | undefined;
  #path: Path;
  #nextPath: Path | undefined;
  #cancelChange: Cancel | undefined;
  #isClosed = false;
  #packetsLost = 0;

  /**
   * Packets may be sent at once; until the peer's end is there UDX sends them again after a second, so both
   * ends are made before either sends. PilotError `unavailable` when the port has no such base.
   */
  constructor(options: DirectLinkOptions) {
    this.#options = options;
    this.#path = options;
    const stream = options.port.connect(options);
    if (stream === undefined) {
      throw new PilotError('unavailable', `no socket ${options.base} for ${options.remote.host}`, {
        hint: 'See which address families this host has: pilotctl netcheck',
      });
    }
    this.#stream = stream;
    this.#load = new UdxLoad(stream, options.clock);
    this.#reader = new FrameReader(this.maxPacketBytes, (packet) => {
      options.handlers.packet(packet);
    });
    this.#streamClosed = this.#listen();
  }

  /** Where its packets go now, or will when a change is through. */
  get path(): Path {
    return this.#nextPath ?? this.#path;
  }

  /** UDX's own measure, in milliseconds; undefined before the first acknowledgement. */
  get rttMs(): number | undefined {
    return this.#isClosed || this.#stream.rtt === 0 ? undefined : this.#stream.rtt;
  }

  get load(): LinkLoad | undefined {
    if (this.#isClosed) return undefined;
    const { underWayBytes, isResting } = this.#load;
    return { underWayBytes: underWayBytes + this.#queuedBytes, isResting };
  }

  /** Packets that were not sent because too much waited. */
  get packetsLost(): number {
    return this.#packetsLost;
  }

  send(packet: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#queuedBytes + packet.length > MAX_BUFFERED_BYTES) {
      this.#packetsLost += 1;
      return;
    }
    const isCopied = packet.length < COPY_BELOW_BYTES;
    const head = Buffer.allocUnsafe(LENGTH_BYTES + (isCopied ? packet.length : 0));
    writeLength(head, packet.length);
    if (isCopied) head.set(packet, LENGTH_BYTES);
    this.#write(head);
    if (!isCopied) this.#write(packet);
    if (this.#cancelGathering === undefined && this.#load.isResting) this.#gather();
  }

  /**
   * A better path, while the present one works. The last one asked for wins. False when there is no such
   * base, or it is of the other family: everything stays as it is, and a new link can do it.
   */
  changeRemote(base: Base, remote: Endpoint): boolean {
    const isPossible =
      isIP(remote.host) === isIP(this.#path.remote.host) &&
      this.#options.port.reaches(base, remote);
    if (this.#isClosed || !isPossible) return false;
    this.#nextPath = { base, remote };
    if (this.#cancelChange === undefined) this.#changePath();
    return true;
  }

  /** Sends what it has, for a second at most. Resolves when the stream is gone. May be called twice. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#cancelChange?.();
      this.#cancelGathering?.();
      for (const piece of this.#queue.splice(0)) this.#stream.write(piece);
      this.#stream.end();
    }
    const cancel = this.#options.clock.after(END_TIMEOUT_MS, () => {
      this.#stream.destroy();
    });
    await this.#streamClosed;
    cancel();
  }

  #write(piece: Uint8Array): void {
    if (this.#hasRoom && this.#cancelGathering === undefined) {
      this.#giveToUdx(piece);
    } else {
      this.#queue.push(piece);
      this.#queuedBytes += piece.length;
    }
  }

  #giveToUdx(piece: Uint8Array): void {
    this.#load.given(piece.length);
    this.#hasRoom = this.#stream.write(piece);
  }

  #giveWaiting(): void {
    let bytes = 0;
    let pieces = 0;
    for (const piece of this.#queue) {
      if (bytes >= BATCH_BYTES) break;
      this.#giveToUdx(piece);
      bytes += piece.length;
      pieces += 1;
    }
    this.#queue.splice(0, pieces);
    this.#queuedBytes -= bytes;
  }

  #gather(): void {
    const { rtt } = this.#stream;
    const ms = Math.max(MIN_GATHER_MS, rtt / RESTING_PACKETS);
    this.#cancelGathering = this.#options.clock.after(ms, () => {
      this.#cancelGathering = undefined;
      this.#endGathering();
    });
  }

  #endGathering(): void {
    const isResting = this.#load.isResting;
    if (isResting && this.#queue.length > 1 && this.#queuedBytes <= MAX_GATHERED_BYTES) {
      this.#queue = [concatBytes(...this.#queue)];
    }
    if (isResting && this.#queue.length > 0) this.#gather();
    if (this.#hasRoom) this.#giveWaiting();
  }

  #onDrain(): void {
    this.#hasRoom = true;
    if (this.#cancelGathering === undefined) this.#giveWaiting();
  }

  async #listen(): Promise<void> {
    this.#stream
      .on('data', (bytes) => {
        this.#onData(bytes);
      })
      .on('drain', () => {
        if (!this.#isClosed) this.#onDrain();
      })
      .on('remote-changed', () => {
        this.#onPathChanged();
      })
      .on('end', () => {
        this.#end('peer_closed');
      })
      .on('error', (error) => {
        this.#end(endOf(error));
      });
    return new Promise((resolve) => {
      this.#stream.on('close', () => {
        this.#end('port_closed');
        resolve();
      });
    });
  }

  #onData(bytes: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#reader.push(bytes, () => !this.#isClosed);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#end('bad_frame');
    }
  }

  #changePath(): void {
    const next = this.#nextPath;
    if (next === undefined) return;
    this.#nextPath = undefined;
    this.#path = next;
    this.#cancelChange = this.#options.clock.after(CHANGE_TIMEOUT_MS, () => {
      this.#end('change_failed');
    });
    const { port, remoteId } = this.#options;
    port.changeRemote(this.#stream, { ...next, remoteId });
  }

  #onPathChanged(): void {
    this.#cancelChange?.();
    this.#cancelChange = undefined;
    if (!this.#isClosed) this.#changePath();
  }

  #end(reason: DirectLinkEnd): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelChange?.();
    this.#cancelGathering?.();
    this.#queue = [];
    this.#stream.destroy();
    this.#options.handlers.closed(reason);
  }
}

function endOf(error: NodeJS.ErrnoException): DirectLinkEnd {
  return END_BY_CODE[error.code ?? ''] ?? 'failed';
}
