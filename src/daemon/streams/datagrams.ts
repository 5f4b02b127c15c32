/**
 * Datagrams between virtual ports of this node and its peers: what a session calls a datagram is
 *
 *     destination port 2, source port 2, bytes
 *
 * They may be lost, doubled, and overtake; nobody is told. What finds no reader is counted.
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';
import { MAX_DATAGRAM_BYTES } from '../../session/session.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { Peer } from '../peers/peer.ts';
import { checkPort, PortTable } from './port-table.ts';

const HEAD_BYTES = 4;
export const MAX_PORT_DATAGRAM_BYTES = MAX_DATAGRAM_BYTES - HEAD_BYTES;
const OPEN_MS = 5000;
/** Datagrams that wait for sessions to open; more are dropped. A peer that does not answer takes no other one's room. */
const MAX_WAITING = 1024;
const MAX_WAITING_OF_PEER = 64;

export interface Datagram {
  /** The other node: hex of its first key. */
  readonly peer: string;
  readonly port: number;
  readonly sourcePort: number;
  /** Of what was received a view: take a copy of what is kept. */
  readonly bytes: Uint8Array;
}

export interface DatagramBinding {
  readonly port: number;
  /** Its holder had no room for one. */
  dropped(): void;
  close(): void;
}

export interface DatagramsDeps {
  readonly peer: (key: string) => Pick<Peer, 'open' | 'session'> | undefined;
  readonly isTrusted: (key: string) => boolean;
  readonly dropped: (reason: string) => void;
}

export class Datagrams {
  readonly #deps: DatagramsDeps;
  readonly #bound = new PortTable<{ readonly receive: (datagram: Datagram) => void }>();
  readonly #watchers = new Set<(datagram: Datagram) => void>();
  #waiting = 0;
  readonly #waitingOf = new Map<string, number>();

  constructor(deps: DatagramsDeps) {
    this.#deps = deps;
  }

  /** PilotError `already_exists` when somebody has the port. Without a port: one that is free. */
  bind(port: number | undefined, receive: (datagram: Datagram) => void): DatagramBinding {
    const holder = { receive };
    const bound = this.#bound.bind(port, holder);
    return {
      port: bound,
      dropped: () => {
        this.#deps.dropped('datagram_reader_slow');
      },
      close: () => {
        this.#bound.release(bound, holder);
      },
    };
  }

  /** Tells of every datagram that comes, also where nobody has the port. The result ends it. */
  watch(watcher: (datagram: Datagram) => void): () => void {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  /**
   * Sends one if it can go out, over a session that is opened where there is none. Resolves when it has left or was
   * dropped. PilotError `trust_required`, `connection_failed`, `timeout`, `not_supported`, `invalid_argument`.
   */
  async send({ peer: key, port, sourcePort, bytes }: Datagram): Promise<void> {
    checkPort(port);
    checkPort(sourcePort);
    if (bytes.length > MAX_PORT_DATAGRAM_BYTES) throw tooLarge();
    const peer = this.#deps.peer(key);
    if (peer === undefined || !this.#deps.isTrusted(key)) {
      throw new PilotError('trust_required', `${nodeIdOf(key)} is not trusted`, {
        hint: 'Ask for trust first: pilotctl handshake',
      });
    }
    const { session } = peer;
    if (session.state !== 'open') await this.#opened(key, peer);
    if (session.state === 'open' && !session.hasPeerStreams) {
      throw new PilotError('not_supported', 'the other node has no ports', {
        hint: 'it runs an older release: update it',
      });
    }
    if (!session.sendDatagram(encodePortDatagram({ port, sourcePort, bytes })))
      this.#deps.dropped('datagram_not_sent');
  }

  /** A peer's datagram. */
  receive(peer: string, body: Uint8Array): void {
    if (!this.#deps.isTrusted(peer)) {
      this.#deps.dropped('untrusted');
      return;
    }
    const datagram = readDatagram(peer, body);
    if (datagram === undefined) {
      this.#deps.dropped('malformed_datagram');
      return;
    }
    const holder = this.#bound.get(datagram.port);
    if (holder !== undefined) holder.receive(datagram);
    else if (this.#watchers.size === 0) this.#deps.dropped('datagram_port_closed');
    for (const watcher of this.#watchers) watcher(datagram);
  }

  async #opened(key: string, peer: Pick<Peer, 'open'>): Promise<void> {
    const ofPeer = this.#waitingOf.get(key) ?? 0;
    if (this.#waiting >= MAX_WAITING || ofPeer >= MAX_WAITING_OF_PEER) {
      throw new PilotError('unavailable', 'too many datagrams wait for sessions already', {
        hint: 'wait until the other nodes are connected: pilotctl peers',
      });
    }
    this.#countWaiting(key, 1);
    try {
      await peer.open(OPEN_MS);
    } finally {
      this.#countWaiting(key, -1);
    }
  }

  #countWaiting(key: string, by: 1 | -1): void {
    const ofPeer = (this.#waitingOf.get(key) ?? 0) + by;
    this.#waiting += by;
    if (ofPeer === 0) this.#waitingOf.delete(key);
    else this.#waitingOf.set(key, ofPeer);
  }
}

/** What the session carries of it. */
export function encodePortDatagram({
  port,
  sourcePort,
  bytes,
}: Omit<Datagram, 'peer'>): Uint8Array {
  const writer = new ByteWriter(HEAD_BYTES + bytes.length);
  return writer.u16(port).u16(sourcePort).bytes(bytes).finish();
}

function readDatagram(peer: string, body: Uint8Array): Datagram | undefined {
  try {
    const reader = new ByteReader(body);
    return { peer, port: reader.u16(), sourcePort: reader.u16(), bytes: reader.rest() };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function tooLarge(): PilotError {
  return new PilotError(
    'invalid_argument',
    `a datagram has at most ${MAX_PORT_DATAGRAM_BYTES} bytes`,
    { hint: 'send it in parts, or use a stream' },
  );
}
