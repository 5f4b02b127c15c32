/**
 * The UDP sockets of a node, one per address family, each on every interface. Everything to and from peers
 * goes through them, so that what ICE finds out about a mapping holds for the streams too:
 *
 *     datagram in ── of a stream ──> that stream (direct-link.ts)
 *        │
 *        ├── begins as UDX does, of no stream ──> counted, dropped: a link that is gone, or rubbish
 *        └── anything else ──> `datagram(bytes, base, from)`: STUN, or rubbish
 *
 * While birthday punching there are more sockets, `punch-N`, for IPv4 alone.
 */
import { isIP } from 'node:net';

import UDX, { type UdxRemote, type UdxSocket, type UdxStream } from 'udx-native';

import type { Endpoint } from '../../base/endpoint.ts';
import { describeError, PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';

/** A socket by name. */
export type Base = 'v4' | 'v6' | `punch-${number}`;

/** What PLAN and NATLAB.md allow an attempt at a hard NAT; a process may have 1,024 files by default. */
export const MAX_EXTRA_SOCKETS = 256;
/** Datagrams given to the system that it has not taken yet; it drops too when its buffer is full. */
const MAX_PENDING_DATAGRAMS = 1024;
/** UDX copies addresses into INET6_ADDRSTRLEN bytes (46 with the final zero); a zone can be of any length. */
const MAX_ADDRESS_CHARACTERS = 45;
/** The first two bytes of a UDX packet: magic byte, version. */
const UDX_PREFIX = [0xff, 0x01] as const;

const FAMILIES = {
  v4: { family: 4, anyHost: '0.0.0.0', loopback: '127.0.0.1' },
  v6: { family: 6, anyHost: '::', loopback: '::1' },
} as const;

export interface UdpPortOptions {
  /** The port to ask for, in both families; 0 or one that is taken: any. */
  readonly port: number;
  /** `loopback` is for tests. */
  readonly interfaces?: 'every' | 'loopback';
  /** Default: both. */
  readonly families?: readonly ('v4' | 'v6')[];
  /** What is not UDX's. The bytes are a view: copy what is kept. Must not throw. */
  readonly datagram: (bytes: Uint8Array, base: Base, from: Endpoint) => void;
}

export interface UdpPortCounters {
  datagramsReceived: number;
  datagramsSent: number;
  /** Not sent: no such base, another address family, no address, too many wait. */
  datagramsDropped: number;
  /** UDX packets of no stream that we have. */
  strayPackets: number;
}

export interface UdpPortTraffic {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
}

interface Bound {
  readonly socket: UdxSocket;
  readonly family: 4 | 6;
  readonly port: number;
}

export class UdpPort {
  readonly counters: UdpPortCounters = {
    datagramsReceived: 0,
    datagramsSent: 0,
    datagramsDropped: 0,
    strayPackets: 0,
  };
  readonly #options: UdpPortOptions;
  readonly #udx = new UDX();
  readonly #bound = new Map<Base, Bound>();
  readonly #closing = new Set<Promise<void>>();
  /** Of sockets that are closed, and of datagrams sent, which UDX does not count. */
  #past: UdpPortTraffic = { bytesSent: 0, bytesReceived: 0, packetsSent: 0, packetsReceived: 0 };
  #pending = 0;
  #extraCount = 0;
  #isClosed = false;

  /** Binds. PilotError `unavailable` when neither family can be used. */
  constructor(options: UdpPortOptions) {
    this.#options = options;
    const problems: string[] = [];
    let { port } = options;
    for (const name of options.families ?? (['v4', 'v6'] as const)) {
      try {
        port = this.#bindWanted(name, port);
      } catch (error) {
        problems.push(`${name}: ${describeError(error)}`);
      }
    }
    if (this.#bound.size === 0) {
      throw new PilotError('unavailable', `no UDP socket can be opened (${problems.join('; ')})`, {
        hint: 'Does this host have a network, and may the daemon use it? The relay works without.',
      });
    }
  }

  /** The port of a base: what the next start should ask for. */
  portOf(base: Base): number | undefined {
    return this.#bound.get(base)?.port;
  }

  get bases(): readonly Base[] {
    return [...this.#bound.keys()];
  }

  /** Over all sockets since the start, streams included. */
  get traffic(): UdpPortTraffic {
    return [...this.#bound.values()].reduce(
      (sum, { socket }) => addTraffic(sum, socket),
      this.#past,
    );
  }

  /** Whether there is such a base, and an address of its family: numeric, with a port. */
  reaches(base: Base, { host, port }: Endpoint): boolean {
    const isAddress = host.length <= MAX_ADDRESS_CHARACTERS && port > 0 && port <= 65_535;
    return isAddress && this.#bound.get(base)?.family === isIP(host);
  }

  /** Never throws; what cannot be sent is lost, and counted. */
  send(bytes: Uint8Array, base: Base, to: Endpoint): void {
    const bound = this.reaches(base, to) && bytes.length > 0 ? this.#bound.get(base) : undefined;
    if (bound === undefined || this.#pending >= MAX_PENDING_DATAGRAMS) {
      this.counters.datagramsDropped += 1;
      return;
    }
    this.#pending += 1;
    void bound.socket
      .send(bytes, to.port, to.host)
      .catch(() => false)
      .then((isSent) => {
        this.#left(bytes.length, isSent);
      });
  }

  /**
   * More sockets for IPv4, each with a port of its own; fewer than asked for where there is no room or the
   * system has no more.
   */
  openExtra(count: number): Base[] {
    const opened: Base[] = [];
    if (!this.#bound.has('v4') || this.#isClosed) return opened;
    const room = MAX_EXTRA_SOCKETS - this.#extras.length;
    for (let i = 0; i < Math.min(count, room); i++) {
      const base: Base = `punch-${this.#extraCount++}`;
      try {
        this.#bind(base, 'v4', 0);
      } catch {
        break; // out of files or ports: what there is has to do
      }
      opened.push(base);
    }
    return opened;
  }

  /** Closes these extra sockets, with the streams over them. Those of others, one that carries a link, stay. */
  closeExtra(bases: readonly Base[]): void {
    for (const base of bases) if (isExtra(base)) this.#unbind(base);
  }

  /**
   * An id for a stream of ours, for the peer to be told. Whoever knows it can end the stream or put rubbish
   * into it, so it has to be hard to guess.
   */
  newStreamId(random: RandomBytes): number {
    const used = [...this.#bound.values()].flatMap(({ socket }) => [...socket.streams]);
    // UDX looks streams up by their low bits, in a table that it doubles until no two are the same.
    const lowBits = 2 ** Math.ceil(Math.log2(2 * used.length + 16)) - 1;
    const taken = new Set(used.map(({ id }) => id & lowBits));
    for (;;) {
      const id = Buffer.from(random(4)).readUInt32BE(0);
      if (id !== 0 && !taken.has(id & lowBits)) return id;
    }
  }

  /** A stream connected over a base. Undefined when that does not reach the remote. */
  connect(stream: StreamAddress): UdxStream | undefined {
    const bound = this.#bound.get(stream.base);
    if (bound?.family !== isIP(stream.remote.host)) return undefined;
    // While the peer changes its path, packets come by two of our sockets: both are ours.
    const udxStream = this.#udx.createStream(stream.localId, {
      framed: true,
      firewall: () => false,
    });
    udxStream.connect(bound.socket, stream.remoteId, stream.remote.port, stream.remote.host);
    return udxStream;
  }

  /** Moves a stream to another base and remote. False when that cannot be. */
  changeRemote(
    stream: UdxStream,
    { base, remote, remoteId }: Omit<StreamAddress, 'localId'>,
  ): boolean {
    const bound = this.#bound.get(base);
    if (bound?.family !== isIP(remote.host)) return false;
    stream.changeRemote(bound.socket, remoteId, remote.port, remote.host)?.catch(() => undefined);
    return true;
  }

  /** Resolves when every socket is closed; streams over them are destroyed. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const base of this.bases) this.#unbind(base);
    await Promise.all(this.#closing);
  }

  get #extras(): Base[] {
    return this.bases.filter(isExtra);
  }

  #bindWanted(name: 'v4' | 'v6', port: number): number {
    try {
      return this.#bind(name, name, port);
    } catch (error) {
      if (port === 0) throw error;
      return this.#bind(name, name, 0);
    }
  }

  #bind(base: Base, name: 'v4' | 'v6', wanted: number): number {
    const { family, anyHost, loopback } = FAMILIES[name];
    // Without it the socket for IPv6 would want the port in IPv4 too.
    const socket = this.#udx.createSocket({ ipv6Only: name === 'v6' });
    try {
      socket.bind(wanted, this.#options.interfaces === 'loopback' ? loopback : anyHost);
    } catch (error) {
      this.#close(socket);
      throw error;
    }
    const port = socket.address()?.port ?? 0;
    this.#bound.set(base, { socket, family, port });
    socket.on('message', (bytes, from) => {
      this.#received(bytes, base, from);
    });
    return port;
  }

  #unbind(base: Base): void {
    const socket = this.#bound.get(base)?.socket;
    if (socket === undefined) return;
    this.#bound.delete(base);
    this.#past = addTraffic(this.#past, socket);
    // It would wait for them.
    for (const stream of socket.streams) stream.destroy();
    this.#close(socket);
  }

  #close(socket: UdxSocket): void {
    const closed = socket.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #left(bytes: number, isSent: boolean): void {
    this.#pending -= 1;
    this.counters[isSent ? 'datagramsSent' : 'datagramsDropped'] += 1;
    if (!isSent) return;
    this.#past = {
      ...this.#past,
      bytesSent: this.#past.bytesSent + bytes,
      packetsSent: this.#past.packetsSent + 1,
    };
  }

  #received(bytes: Uint8Array, base: Base, { host, port }: UdxRemote): void {
    if (this.#isClosed) return;
    if (UDX_PREFIX.every((byte, i) => bytes[i] === byte)) {
      this.counters.strayPackets += 1;
      return;
    }
    this.counters.datagramsReceived += 1;
    this.#options.datagram(bytes, base, { host, port });
  }
}

export interface StreamAddress {
  readonly base: Base;
  readonly remote: Endpoint;
  /** By which the peer's packets find our stream. */
  readonly localId: number;
  readonly remoteId: number;
}

function isExtra(base: Base): boolean {
  return base.startsWith('punch-');
}

function addTraffic(sum: UdpPortTraffic, socket: UdxSocket): UdpPortTraffic {
  return {
    bytesSent: sum.bytesSent + socket.bytesTransmitted,
    bytesReceived: sum.bytesReceived + socket.bytesReceived,
    packetsSent: sum.packetsSent + socket.packetsTransmitted,
    packetsReceived: sum.packetsReceived + socket.packetsReceived,
  };
}
