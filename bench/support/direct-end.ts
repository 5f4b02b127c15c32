import { randomBytes } from 'node:crypto';

import { fromHex } from '../../src/base/bytes.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { DirectLink } from '../../src/daemon/links/direct-link.ts';
import { UdpPort } from '../../src/daemon/links/udp-port.ts';
import { Identity } from '../../src/identity/identity.ts';
import { Session } from '../../src/session/session.ts';
import type { SessionStream } from '../../src/session/stream.ts';

export const LOOPBACK = '127.0.0.1';

/** Which sockets. */
export interface BenchNetwork {
  readonly interfaces: 'loopback' | 'every';
  readonly base: 'v4' | 'v6';
}

const ON_LOOPBACK: BenchNetwork = { interfaces: 'loopback', base: 'v4' };

/** One end of a session over a direct link, on loopback where nothing else is said. Both ends know both seeds, in hex. */
export class DirectEnd {
  readonly port: UdpPort;
  readonly session: Session;
  readonly opened: Promise<void>;
  onBytes: (bytes: Uint8Array) => void = () => undefined;
  onStream: (stream: SessionStream) => void = (stream) => {
    stream.reset('refused');
  };
  readonly #base: BenchNetwork['base'];
  #onWritable: () => void = () => undefined;
  #isClosed = false;

  constructor(ownSeed: string, peerSeed: string, where: BenchNetwork = ON_LOOPBACK) {
    this.#base = where.base;
    this.port = new UdpPort({
      ...{ port: 0, interfaces: where.interfaces, families: [where.base] },
      datagram: () => undefined,
    });
    let onOpened: () => void = () => undefined;
    this.opened = new Promise((resolve) => (onOpened = resolve));
    this.session = new Session({
      identity: identityOf(ownSeed),
      remote: identityOf(peerSeed).chain,
      clock: systemClock,
      random: randomBytes,
      handlers: {
        admit: () => ({ accept: true }),
        opened: onOpened,
        refused: () => undefined,
        message: (body) => {
          this.onBytes(body);
        },
        datagram: () => undefined,
        stream: (stream) => {
          this.onStream(stream);
        },
        writable: () => {
          this.#onWritable();
        },
        rotated: () => undefined,
        closed: () => undefined,
      },
    });
  }

  get localPort(): number {
    return this.port.portOf(this.#base) ?? 0;
  }

  connect(remotePort: number, localId: number, remoteId: number, host = LOOPBACK): void {
    const link = new DirectLink({
      ...{ port: this.port, clock: systemClock, base: this.#base, localId, remoteId },
      remote: { host, port: remotePort },
      handlers: {
        packet: (packet) => {
          this.session.receive(packet);
        },
        closed: (reason) => {
          if (!this.#isClosed) throw new Error(`the link ended: ${reason}`);
        },
      },
    });
    this.session.setLink(link);
  }

  /** Resolves when it was taken; undefined: at once. */
  send(bytes: Uint8Array): Promise<void> | undefined {
    if (this.session.send(bytes)) return undefined;
    return this.#sendLater(bytes);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.session.close();
    await this.port.close();
  }

  async #sendLater(bytes: Uint8Array): Promise<void> {
    do {
      await new Promise<void>((resolve) => (this.#onWritable = resolve));
    } while (!this.session.send(bytes));
  }
}

function identityOf(seed: string): Identity {
  return Identity.create(() => fromHex(seed), 0);
}
