import type { Namespace } from './namespace.ts';

/** What an interface on the internet is called at the customer's end. */
export const WAN = 'wan';

export interface WireAddresses {
  /** The first one is where answers come from unless somebody says otherwise. */
  readonly v4: readonly string[];
  readonly v6: readonly string[];
  /** A prefix behind the customer's first IPv6 address. */
  readonly routed6?: string;
}

/**
 * The line between a customer and the internet:
 *
 *     internet  wN ─────────── wan  edge (a router, or a host without one)
 *     203.0.113.1, fe80::1     203.0.113.x/32, 2001:db8::x/128
 *
 * Faults of the line are rules at the internet's end, so they do not depend on who the customer is.
 */
export class Wire {
  readonly edge: Namespace;
  readonly #internet: Namespace;
  readonly #end: string;
  #addresses: WireAddresses;
  #isUdpBlocked = false;
  #lossPerMille = 0;

  constructor(internet: Namespace, edge: Namespace, end: string, addresses: WireAddresses) {
    this.#internet = internet;
    this.edge = edge;
    this.#end = end;
    this.#addresses = addresses;
  }

  get addresses(): WireAddresses {
    return this.#addresses;
  }

  async connect(): Promise<void> {
    const link = `link add ${this.#end} type veth peer name ${WAN} netns ${this.edge.name}`;
    const gateway6 = `addr add fe80::1/64 dev ${this.#end} nodad`;
    await this.#internet.ip(link, `link set ${this.#end} up`, gateway6, ...this.#routesIn());
    await this.edge.ip('link set lo up', `link set ${WAN} up`, ...this.#addressesAndRoutesOut());
  }

  /** The customer is given other IPv4 addresses. */
  async renumber(v4: readonly string[]): Promise<void> {
    for (const address of this.#addresses.v4) {
      await this.#internet.ip(`route del ${address}/32`);
      await this.edge.ip(`addr del ${address}/32 dev ${WAN}`);
    }
    this.#addresses = { ...this.#addresses, v4 };
    await this.#internet.ip(...this.#routesIn());
    await this.edge.ip(...this.#addressesAndRoutesOut());
  }

  async blockUdp(isBlocked: boolean): Promise<void> {
    this.#isUdpBlocked = isBlocked;
    await this.#applyFaults();
  }

  /** Of the UDP packets in each direction, 0 to 1. */
  async dropUdp(share: number): Promise<void> {
    this.#lossPerMille = Math.round(1000 * share);
    await this.#applyFaults();
  }

  #routesIn(): string[] {
    const { v4, v6, routed6 } = this.#addresses;
    const dev = `dev ${this.#end}`;
    return [
      ...v4.map((address) => `route replace ${address}/32 ${dev}`),
      ...v6.map((address) => `route replace ${address}/128 ${dev}`),
      ...(routed6 === undefined
        ? []
        : [`route replace ${routed6} via ${v6[0] ?? ''} ${dev} onlink`]),
    ];
  }

  #addressesAndRoutesOut(): string[] {
    const { v4, v6 } = this.#addresses;
    const dev = `dev ${WAN}`;
    const lines = [
      ...v4.map((address) => `addr replace ${address}/32 ${dev}`),
      ...v6.map((address) => `addr replace ${address}/128 ${dev} nodad`),
    ];
    if (v4[0] !== undefined) {
      const source = `${dev} src ${v4[0]}`;
      lines.push(
        `route replace 203.0.113.1 ${source}`,
        `route replace default via 203.0.113.1 ${source}`,
      );
    }
    if (v6[0] !== undefined) lines.push(`route replace default via fe80::1 ${dev} src ${v6[0]}`);
    return lines;
  }

  async #applyFaults(): Promise<void> {
    const drops = [
      ...(this.#isUdpBlocked ? ['drop'] : []),
      ...(this.#lossPerMille > 0 ? [`numgen random mod 1000 < ${this.#lossPerMille} drop`] : []),
    ];
    const rules = ['iifname', 'oifname'].flatMap((direction) =>
      drops.map((drop) => `${direction} "${this.#end}" meta l4proto udp ${drop}`),
    );
    const table = `inet faults_${this.#end}`;
    await this.#internet.nft(`
table ${table}
delete table ${table}
table ${table} {
  chain forward {
    type filter hook forward priority 0; policy accept;
    ${rules.join('\n    ')}
  }
}
`);
  }
}
