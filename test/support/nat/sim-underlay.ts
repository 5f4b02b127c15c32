/** The sockets and interfaces of a simulated host, which may move to another network. */
import type { Clock } from '../../../src/base/clock.ts';
import type { Endpoint } from '../../../src/base/endpoint.ts';
import { PilotError } from '../../../src/base/pilot-error.ts';
import type { RandomBytes } from '../../../src/base/random.ts';
import type {
  InterfaceAddress,
  InterfaceSource,
} from '../../../src/daemon/links/network-watcher.ts';
import { MAX_EXTRA_SOCKETS } from '../../../src/daemon/links/udp-port.ts';
import type {
  ChannelHandlers,
  LinkAddress,
  LinkHandlers,
  Underlay,
  UnderlayChannel,
  UnderlayLink,
} from '../../../src/daemon/paths/underlay.ts';
import type { LocalBase } from '../../../src/ice/base-gatherer.ts';
import { familyOf, type IpFamily } from '../../../src/ice/candidate.ts';
import { StunRouter } from '../../../src/ice/stun-router.ts';
import type { SimHost, SimSocket } from './sim-host.ts';
import { SimLink, simLinkReceiver } from './sim-link.ts';

const FIRST_EXTRA_PORT = 5000;

export interface SimUnderlayOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly port?: number;
  /** Default: there are streams, and no channels. */
  readonly hasStreams?: boolean;
  readonly openChannel?: Underlay['openChannel'];
}

export class SimUnderlay implements Underlay {
  readonly router = new StunRouter();
  /** What a test wants to see or stop: false drops it before the socket. */
  onSend: (bytes: Uint8Array, base: string, to: Endpoint) => boolean = () => true;
  readonly #options: SimUnderlayOptions;
  readonly #sockets = new Map<string, SimSocket>();
  readonly #links = new Map<number, SimLink>();
  readonly #watchers = new Set<(addresses: readonly InterfaceAddress[]) => void>();
  #hosts: readonly SimHost[] = [];
  #families: readonly IpFamily[] = [];
  #extraCount = 0;

  /** `hosts`: an address of each family that there is, as `Site.hosts` has them. */
  constructor(hosts: readonly SimHost[], options: SimUnderlayOptions) {
    this.#options = options;
    this.#families = this.#bind(hosts);
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
    return (['v4', 'v6'] as const).flatMap((family) => {
      const host = this.#sockets.get(family)?.endpoint.host;
      if (host === undefined) return [];
      return [{ name: 'eth0', host, internal: false, family: family === 'v4' ? 4 : 6 }];
    });
  }

  get hasStreams(): boolean {
    return this.#options.hasStreams ?? true;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  get extraSockets(): readonly string[] {
    return [...this.#sockets.keys()].filter((base) => base.startsWith('punch-'));
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
    if (familyOf(to.host) !== familyOfBase(base) || !this.onSend(bytes, base, to)) return;
    this.#sockets.get(base)?.send(bytes, to);
  }

  openExtra(count: number): readonly string[] {
    const host = this.#hosts.find(({ address }) => familyOf(address) === 'v4');
    if (host === undefined) return [];
    const room = MAX_EXTRA_SOCKETS - this.extraSockets.length;
    return Array.from({ length: Math.min(count, room) }, () => {
      const number = this.#extraCount++;
      this.#bindOne(host, `punch-${number}`, FIRST_EXTRA_PORT + number);
      return `punch-${number}`;
    });
  }

  closeExtra(bases: readonly string[]): void {
    for (const base of bases.filter((name) => name.startsWith('punch-'))) {
      this.#sockets.get(base)?.close();
      this.#sockets.delete(base);
    }
  }

  newStreamId(): number {
    for (;;) {
      const id = Buffer.from(this.#options.random(4)).readUInt32BE(0);
      if (id !== 0 && !this.#links.has(id)) return id;
    }
  }

  openLink({ base, remote, localId, remoteId }: LinkAddress, handlers: LinkHandlers): UnderlayLink {
    const isThere = this.bases.some(({ name }) => name === base) || this.#sockets.has(base);
    if (!isThere || familyOf(remote.host) !== familyOfBase(base)) {
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

  openChannel(isClient: boolean, handlers: ChannelHandlers): UnderlayChannel | undefined {
    return this.#options.openChannel?.(isClient, handlers);
  }

  /** Ends the links with `port_closed`. */
  close(): void {
    for (const link of [...this.#links.values()]) link.end('port_closed');
    this.#unbind();
  }

  get #port(): number {
    return this.#options.port ?? 4000;
  }

  #bind(hosts: readonly SimHost[]): readonly IpFamily[] {
    this.#hosts = hosts;
    return hosts.map((host) => {
      const family = familyOf(host.address);
      if (family === undefined) throw new RangeError(`${host.address} is no address`);
      this.#bindOne(host, family, this.#port);
      return family;
    });
  }

  #bindOne(host: SimHost, base: string, port: number): void {
    const socket = host.bind(port, (bytes, from) => {
      const receiver = simLinkReceiver(bytes);
      if (receiver === undefined) this.router.receive(bytes, base, from);
      else this.#links.get(receiver)?.receive(bytes);
    });
    this.#sockets.set(base, socket);
  }

  #unbind(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

function familyOfBase(base: string): IpFamily {
  return base === 'v6' ? 'v6' : 'v4';
}
