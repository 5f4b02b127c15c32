/**
 * The sites of the lab, all on one internet (203.0.113.0/24 and 2001:db8::/64):
 *
 *     internet ── STUN servers 203.0.113.1 and .2, ports 3478 and 3479; 2001:db8::1 and ::2
 *        ├── open host
 *        ├── router 203.0.113.N ── 10.N.0.0/24 ── host, and perhaps a second one
 *        ├── carrier 203.0.113.N ── 100.64.N.0/24 ── router ── 10.N.0.0/24 ── host
 *        └── firewall ── 2001:db8:N::/64 ── host
 */
import type { Clock } from '../../../src/base/clock.ts';
import type { Endpoint } from '../../../src/base/endpoint.ts';
import type { RandomBytes } from '../../../src/base/random.ts';
import { decodeStunMessage, encodeBindingResponse } from '../../../src/ice/stun-message.ts';
import { Firewall } from './firewall.ts';
import { type NatBehaviour, NatRouter } from './nat-router.ts';
import { Segment } from './segment.ts';
import { SimHost, type SimSocket } from './sim-host.ts';

const HOME: NatBehaviour = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  ports: 'preserved',
  hairpin: false,
  passesUdp: true,
  mappingTimeoutMs: 30_000,
};
const SYMMETRIC = { ...HOME, mapping: 'address-and-port-dependent' } as const;

/** NATLAB's kinds; nothing but UDP is simulated here. */
export const NAT_KINDS = {
  'full cone': { ...HOME, filtering: 'endpoint-independent' },
  'full cone with hairpin': { ...HOME, filtering: 'endpoint-independent', hairpin: true },
  'address-restricted': { ...HOME, filtering: 'address-dependent' },
  home: HOME,
  'home, port changed': { ...HOME, ports: 'random' },
  'per remote address': { ...HOME, mapping: 'address-dependent', ports: 'random' },
  'symmetric, sequential': { ...SYMMETRIC, ports: 'sequential' },
  'symmetric, random': { ...SYMMETRIC, ports: 'random' },
  'UDP blocked': { ...HOME, passesUdp: false },
  'TCP 443 only': { ...HOME, passesUdp: false },
} as const satisfies Record<string, NatBehaviour>;

export type NatKind = keyof typeof NAT_KINDS;
export type SiteKind = NatKind | 'open' | 'carrier-grade' | 'IPv6 only, firewall';

export interface Site {
  readonly kind: SiteKind;
  /** Each with an address of each family that the site has. */
  readonly hosts: readonly (readonly SimHost[])[];
  readonly lan: Segment;
  /** The ones to tamper with, from the host outward. */
  readonly routers: readonly NatRouter[];
}

export interface InternetSettings {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** One way, over the internet. */
  readonly delayMs?: number;
}

const LAN_DELAY_MS = 0.5;

export class Internet {
  readonly wire: Segment;
  /** Two addresses with two ports each, IPv4, then IPv6. */
  readonly stunServers: readonly Endpoint[];
  readonly #settings: InternetSettings;
  #sites = 0;

  constructor(settings: InternetSettings) {
    this.#settings = settings;
    this.wire = this.#segment(settings.delayMs ?? 5);
    this.stunServers = ['203.0.113.1', '203.0.113.2', '2001:db8::1', '2001:db8::2'].flatMap(
      (address) => {
        const host = new SimHost(this.wire, address);
        return [3478, 3479].map((port) => startStunServer(host, port));
      },
    );
  }

  addSite(kind: SiteKind, hosts = 1): Site {
    const n = ++this.#sites + 9;
    const outerHost = `203.0.113.${n}`;
    if (kind === 'open') return this.#addOpen(n, outerHost);
    if (kind === 'IPv6 only, firewall') return this.#addFirewalled(n);
    if (kind === 'carrier-grade') {
      const carrier = this.#segment(LAN_DELAY_MS);
      const router = new NatRouter({ inner: carrier, outer: this.wire, outerHost }, HOME);
      const site = this.#addLan(n, { outer: carrier, outerHost: `100.64.${n}.2` }, HOME, hosts);
      return { ...site, kind, routers: [...site.routers, router] };
    }
    return { ...this.#addLan(n, { outer: this.wire, outerHost }, NAT_KINDS[kind], hosts), kind };
  }

  #addOpen(n: number, outerHost: string): Site {
    const addresses = [outerHost, `2001:db8::${n}`];
    const host = addresses.map((address) => new SimHost(this.wire, address));
    return { kind: 'open', hosts: [host], lan: this.wire, routers: [] };
  }

  #addLan(
    n: number,
    outside: { readonly outer: Segment; readonly outerHost: string },
    behaviour: NatBehaviour,
    hosts: number,
  ): Omit<Site, 'kind'> {
    const lan = this.#segment(LAN_DELAY_MS);
    const router = new NatRouter({ ...outside, inner: lan }, behaviour);
    const addresses = Array.from({ length: hosts }, (_, i) => `10.${n}.0.${i + 2}`);
    return { lan, routers: [router], hosts: addresses.map((host) => [new SimHost(lan, host)]) };
  }

  #addFirewalled(n: number): Site {
    const lan = this.#segment(LAN_DELAY_MS);
    const address = `2001:db8:${n}::2`;
    const host = new SimHost(lan, address);
    new Firewall({ inner: lan, outer: this.wire, hosts: [address] }, 30_000);
    return { kind: 'IPv6 only, firewall', hosts: [[host]], lan, routers: [] };
  }

  #segment(delayMs: number): Segment {
    return new Segment({ ...this.#settings, delayMs });
  }
}

function startStunServer(host: SimHost, port: number): Endpoint {
  const socket: SimSocket = host.bind(port, (bytes, from) => {
    const { transactionId } = decodeStunMessage(bytes);
    socket.send(encodeBindingResponse(transactionId, from), from);
  });
  return socket.endpoint;
}
