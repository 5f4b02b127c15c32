/** The sockets and interfaces of a simulated host, which may move to another network. */
import type { Clock } from '../../../src/base/clock.ts';
import type { Endpoint } from '../../../src/base/endpoint.ts';
import { PilotError } from '../../../src/base/pilot-error.ts';
import type { RandomBytes } from '../../../src/base/random.ts';
import type {
  InterfaceAddress,
  InterfaceSource,
} from '../../../src/daemon/links/network-watcher.ts';
import type {
  LinkAddress,
  LinkHandlers,
  Underlay,
  UnderlayLink,
} from '../../../src/daemon/paths/underlay.ts';
import type { LocalBase } from '../../../src/ice/base-gatherer.ts';
import { familyOf, type IpFamily } from '../../../src/ice/candidate.ts';
import { StunRouter } from '../../../src/ice/stun-router.ts';
import type { SimHost, SimSocket } from './sim-host.ts';
import { SimLink, simLinkReceiver } from './sim-link.ts';

export interface SimUnderlayOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly port?: number;
}

export class SimUnderlay implements Underlay {
  readonly router = new StunRouter();
  /** What a test wants to see or stop: false drops it before the socket. */
  onSend: (bytes: Uint8Array, base: string, to: Endpoint) => boolean = () => true;
  readonly #options: SimUnderlayOptions;
  readonly #sockets = new Map<IpFamily, SimSocket>();
  readonly #links = new Map<number, SimLink>();
  readonly #watchers = new Set<(addresses: readonly InterfaceAddress[]) => void>();
  #families: readonly IpFamily[] = [];

  /** `hosts`: an address of each family that there is, as `Site.hosts` has them. */
  constructor(hosts: readonly SimHost[], options: SimUnderlayOptions) {
    this.#options = options;
    this.#bind(hosts);
    this.#families = [...this.#sockets.keys()];
  }

  /** Those of the first network: the sockets stay when a host moves. */
  get bases(): readonly LocalBase[] {
    return this.#families.map((family) => ({ name: family, family, port: this.#port }));
  }

  readonly interfaces: InterfaceSource = {
    watch: (changed) => {
      this.#watchers.add(changed);
      return { current: this.addresses, stop: () => this.#watchers.delete(changed) };
    },
  };

  get addresses(): readonly InterfaceAddress[] {
    return [...this.#sockets].map(([family, { endpoint }]) => ({
      ...{ name: 'eth0', host: endpoint.host, internal: false },
      family: family === 'v4' ? 4 : 6,
    }));
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  get linkCount(): number {
    return this.#links.size;
  }

  /** The host is in another network now; in none: offline. */
  moveTo(hosts: readonly SimHost[]): void {
    this.#unbind();
    this.#bind(hosts);
    for (const changed of [...this.#watchers]) changed(this.addresses);
  }

  send(bytes: Uint8Array, base: string, to: Endpoint): void {
    const family = familyOf(to.host);
    if (family !== base || !this.onSend(bytes, base, to)) return;
    this.#sockets.get(family)?.send(bytes, to);
  }

  newStreamId(): number {
    for (;;) {
      const id = Buffer.from(this.#options.random(4)).readUInt32BE(0);
      if (id !== 0 && !this.#links.has(id)) return id;
    }
  }

  openLink({ base, remote, localId, remoteId }: LinkAddress, handlers: LinkHandlers): UnderlayLink {
    if (!this.bases.some(({ name }) => name === base) || familyOf(remote.host) !== base) {
      throw new PilotError('unavailable', `the socket ${base} does not reach ${remote.host}`, {
        hint: 'See which address families this host has: pilotctl netcheck',
      });
    }
    const link = new SimLink({
      clock: this.#options.clock,
      remoteId,
      handlers,
      send: (datagram) => {
        this.send(datagram, base, remote);
      },
      gone: () => {
        this.#links.delete(localId);
      },
    });
    this.#links.set(localId, link);
    return link;
  }

  /** Ends the links with `port_closed`. */
  close(): void {
    for (const link of [...this.#links.values()]) link.end('port_closed');
    this.#unbind();
  }

  get #port(): number {
    return this.#options.port ?? 4000;
  }

  #bind(hosts: readonly SimHost[]): void {
    for (const host of hosts) {
      const family = familyOf(host.address);
      if (family === undefined) throw new RangeError(`${host.address} is no address`);
      const socket = host.bind(this.#port, (bytes, from) => {
        const receiver = simLinkReceiver(bytes);
        if (receiver === undefined) this.router.receive(bytes, family, from);
        else this.#links.get(receiver)?.receive(bytes);
      });
      this.#sockets.set(family, socket);
    }
  }

  #unbind(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}
