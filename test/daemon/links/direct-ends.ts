import { createHash, randomBytes } from 'node:crypto';

import type { Endpoint } from '../../../src/base/endpoint.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { DirectLink, type DirectLinkEnd } from '../../../src/daemon/links/direct-link.ts';
import { type Base, UdpPort } from '../../../src/daemon/links/udp-port.ts';
import { Identity } from '../../../src/identity/identity.ts';
import type { KeyChain } from '../../../src/identity/key-chain.ts';
import { Session } from '../../../src/session/session.ts';

/** A port on loopback. */
export function openPort(port = 0): UdpPort {
  return new UdpPort({ port, interfaces: 'loopback', datagram: () => undefined });
}

export function endpointOf(port: UdpPort, base: Base): Endpoint {
  return { host: base === 'v6' ? '::1' : '127.0.0.1', port: port.portOf(base) ?? 0 };
}

/** One end of a session over direct links; what arrives is counted and hashed. */
export class SessionEnd {
  readonly port = openPort();
  readonly session: Session;
  readonly received = createHash('sha256');
  readonly ends: DirectLinkEnd[] = [];
  receivedBytes = 0;
  receivedMessages = 0;
  link: DirectLink | undefined;
  onWritable: () => void = () => undefined;
  onMessage: (body: Uint8Array) => void = () => undefined;
  onOpened: () => void = () => undefined;

  constructor(identity: Identity, remote: KeyChain) {
    this.session = new Session({
      identity,
      remote,
      clock: systemClock,
      random: randomBytes,
      handlers: {
        admit: () => ({ accept: true }),
        opened: () => {
          this.onOpened();
        },
        refused: () => undefined,
        message: (body) => {
          this.received.update(body);
          this.receivedBytes += body.length;
          this.receivedMessages += 1;
          this.onMessage(body);
        },
        datagram: () => undefined,
        writable: () => {
          this.onWritable();
        },
        rotated: () => undefined,
        closed: () => undefined,
      },
    });
  }

  /** A new link that the session goes over to. */
  connect(base: Base, remote: Endpoint, ids: readonly [local: number, remote: number]): DirectLink {
    const link = new DirectLink({
      port: this.port,
      clock: systemClock,
      base,
      remote,
      localId: ids[0],
      remoteId: ids[1],
      handlers: {
        packet: (packet) => {
          this.session.receive(packet);
        },
        closed: (reason) => {
          this.ends.push(reason);
          if (this.link === link) this.session.setLink(undefined);
        },
      },
    });
    this.link = link;
    return link;
  }

  async stop(): Promise<void> {
    this.session.close();
    await this.port.close();
  }
}

/** Two sessions in one process with direct links between them. */
export class DirectPair {
  readonly alice: SessionEnd;
  readonly bob: SessionEnd;

  constructor() {
    const [one, two] = [Identity.create(randomBytes, 0), Identity.create(randomBytes, 0)];
    this.alice = new SessionEnd(one, two.chain);
    this.bob = new SessionEnd(two, one.chain);
  }

  /** A fresh pair of links, which both sessions go over to; the old links are closed. */
  connect(aliceBase: Base = 'v4', bobBase: Base = aliceBase): void {
    const { alice, bob } = this;
    const old = [alice.link, bob.link];
    const ids = [alice.port.newStreamId(randomBytes), bob.port.newStreamId(randomBytes)] as const;
    alice.connect(aliceBase, endpointOf(bob.port, bobBase), ids);
    bob.connect(bobBase, endpointOf(alice.port, aliceBase), [ids[1], ids[0]]);
    alice.session.setLink(alice.link);
    bob.session.setLink(bob.link);
    for (const link of old) void link?.close();
  }

  async open(): Promise<this> {
    const opened = new Promise<void>((resolve) => {
      this.alice.onOpened = resolve;
    });
    this.connect();
    this.alice.session.open();
    await opened;
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all([this.alice.stop(), this.bob.stop()]);
  }
}

/** Sends the bodies in order, as fast as the session takes them. */
export async function sendAll(from: SessionEnd, bodies: Iterable<Uint8Array>): Promise<void> {
  for (const body of bodies) {
    while (!from.session.send(body)) {
      await new Promise<void>((resolve) => {
        from.onWritable = resolve;
      });
    }
  }
}
