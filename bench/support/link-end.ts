/**
 * The direct link by itself: packets in the clear, no session. A link drops what it has no room for, so bulk is held to
 * as much under way as a session has; the other end says so for each mebibyte.
 */
import { randomInt } from 'node:crypto';

import { systemClock } from '../../src/base/system-clock.ts';
import { DirectLink } from '../../src/daemon/links/direct-link.ts';
import { UdpPort } from '../../src/daemon/links/udp-port.ts';
import type { End } from './ends.ts';

const UNDER_WAY_BYTES = 4 * 2 ** 20;
const STEP_BYTES = 2 ** 20;
/** Smaller ones are answers; they need none. */
const MIN_COUNTED_BYTES = 1024;
const GOT_STEP = Uint8Array.of(0, 0);

export interface LinkPlace {
  readonly host: string;
  readonly port: number;
  /** Of the UDX stream. */
  readonly id: number;
}

export class LinkEnd implements End {
  readonly port = new UdpPort({ port: 0, families: ['v6'], datagram: () => undefined });
  readonly id = randomInt(1, 2 ** 31);
  onBytes: (bytes: Uint8Array) => void = () => undefined;
  #link: DirectLink | undefined;
  #underWay = 0;
  #received = 0;
  #onRoom: () => void = () => undefined;

  get localPort(): number {
    return this.port.portOf('v6') ?? 0;
  }

  connect(remote: LinkPlace): void {
    this.#link = new DirectLink({
      ...{ port: this.port, clock: systemClock, base: 'v6', localId: this.id },
      ...{ remote, remoteId: remote.id },
      handlers: {
        packet: (packet) => {
          this.#receive(packet);
        },
        closed: (reason) => {
          throw new Error(`the link ended: ${reason}`);
        },
      },
    });
  }

  send(bytes: Uint8Array): Promise<void> | undefined {
    this.#link?.send(bytes);
    if (bytes.length < MIN_COUNTED_BYTES) return undefined;
    this.#underWay += bytes.length;
    if (this.#underWay < UNDER_WAY_BYTES) return undefined;
    return new Promise((resolve) => (this.#onRoom = resolve));
  }

  #receive(packet: Uint8Array): void {
    if (packet.length === GOT_STEP.length) {
      this.#underWay -= STEP_BYTES;
      this.#onRoom();
      return;
    }
    if (packet.length >= MIN_COUNTED_BYTES) this.#count(packet.length);
    this.onBytes(packet);
  }

  #count(bytes: number): void {
    this.#received += bytes;
    if (this.#received < STEP_BYTES) return;
    this.#received -= STEP_BYTES;
    this.#link?.send(GOT_STEP);
  }
}
