import type { Lan, LanMember } from './lan.ts';
import type { Namespace } from './namespace.ts';
import { type NatKind, routerRules } from './nat-rules.ts';
import type { Wire } from './wire.ts';

/** Where a node can be; the rows and columns of the matrix. */
export const SITE_KINDS = [
  'open',
  'full-cone',
  'address-restricted',
  'home',
  'home-ports-changed',
  'per-address',
  'symmetric-sequential',
  'symmetric-random',
  'carrier-grade',
  'udp-blocked',
  'tcp-443-only',
  'ipv6-only',
] as const;

/** A full cone that hairpins is no other case for a matrix of single hosts, but one to recognise. */
export type SiteKind = (typeof SITE_KINDS)[number] | 'hairpin';

/**
 * Empties the connection table (IPCTNL_MSG_CT_DELETE without a tuple, linux/netfilter/nfnetlink_conntrack.h): what
 * `conntrack -F` does, where it is not installed. New rules alone leave the connections there are.
 */
const FLUSH_CONNECTIONS = `
use Socket;
socket(my $netlink, 16, SOCK_RAW, 12) or die "netlink: $!\\n";
send($netlink, pack('L S S L L C C n', 20, 0x0102, 5, 1, 0, 0, 0, 0), 0) or die "send: $!\\n";
recv($netlink, my $answer, 4096, 0);
my ($error) = unpack('x16 l', $answer);
die "error $error\\n" if $error;
`;

/** One of the routers of a site. */
export interface SiteRouter {
  readonly namespace: Namespace;
  readonly nat: NatKind;
}

export interface SiteParts {
  readonly kind: SiteKind;
  readonly name: string;
  readonly hosts: readonly Namespace[];
  readonly wire: Wire;
  /** Of the hosts, in their order; none where the host itself is on the internet. */
  readonly members: readonly LanMember[];
  readonly lan: Lan | undefined;
  readonly routers: readonly SiteRouter[];
  /** Another address outside instead of this one. */
  readonly exchangeV4: (address: string) => string;
}

/** Hosts and what stands between them and the internet, with everything that can go wrong there. */
export class Site {
  readonly kind: SiteKind;
  readonly name: string;
  readonly hosts: readonly Namespace[];
  readonly #parts: SiteParts;

  constructor(parts: SiteParts) {
    this.kind = parts.kind;
    this.name = parts.name;
    this.hosts = parts.hosts;
    this.#parts = parts;
  }

  /** The first one, which most sites have alone. */
  get host(): Namespace {
    const [host] = this.hosts;
    if (host === undefined) throw new Error(`${this.name} has no host`);
    return host;
  }

  /** Between the site and the internet. */
  get router(): Namespace {
    const [edge] = this.#parts.routers;
    if (edge === undefined) throw new Error(`${this.name} has no router`);
    return edge.namespace;
  }

  /** As a host sees them itself. */
  addressesOf(host = 0): LanMember['addresses'] {
    const { members, wire } = this.#parts;
    const { v4, v6 } = wire.addresses;
    return members[host]?.addresses ?? { v4: v4[0], v6: v6[0] };
  }

  /** As the internet sees the site; undefined where it has no IPv4. */
  get outerV4(): string | undefined {
    return this.#parts.wire.addresses.v4[0];
  }

  /** The rules of the routers, for the addresses they have now. */
  async loadRules(): Promise<void> {
    for (const { namespace, nat } of this.#parts.routers) {
      await namespace.nft(routerRules(nat, this.outerV4 ?? ''));
    }
  }

  /** The routers forget every connection, as after a reboot; what a cone has learned goes with its rules. */
  async flushMappings(): Promise<void> {
    await this.loadRules();
    for (const { namespace } of this.#parts.routers) {
      await namespace.exec(['perl', '-e', FLUSH_CONNECTIONS]);
    }
  }

  async blockUdp(): Promise<void> {
    await this.#parts.wire.blockUdp(true);
  }

  async unblockUdp(): Promise<void> {
    await this.#parts.wire.blockUdp(false);
  }

  /** Of the UDP packets in each direction between site and internet, 0 to 1. */
  async dropUdp(share: number): Promise<void> {
    await this.#parts.wire.dropUdp(share);
  }

  /** A reboot of the router, or a provider's daily disconnection: another address, and no mappings. */
  async changeOuterAddress(): Promise<void> {
    const { wire, exchangeV4 } = this.#parts;
    if (this.outerV4 === undefined) throw new Error(`${this.name} has no IPv4 address outside`);
    await wire.renumber([exchangeV4(this.outerV4)]);
    await this.flushMappings();
  }

  async changeInnerAddress(host = 0): Promise<void> {
    const { lan, members } = this.#parts;
    const member = members[host];
    if (lan === undefined || member === undefined) {
      throw new Error(`${this.name} has no inner addresses`);
    }
    await lan.renumber(member);
  }

  /** How long the routers remember UDP mappings without traffic; they begin with 30 s, and 120 s once answered. */
  async setMappingTimeout(seconds: number): Promise<void> {
    for (const { namespace } of this.#parts.routers) {
      await namespace.sysctl({
        'netfilter/nf_conntrack_udp_timeout': seconds,
        'netfilter/nf_conntrack_udp_timeout_stream': seconds,
      });
    }
  }
}
