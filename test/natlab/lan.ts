import type { Namespace } from './namespace.ts';

/** What comes before the last number of an address; what is undefined does not exist in this network. */
export interface LanPrefixes {
  /** `10.7.0` */
  readonly v4?: string;
  /** `2001:db8:7::` */
  readonly v6?: string;
}

interface Addresses {
  readonly v4?: string | undefined;
  readonly v6?: string | undefined;
}

export interface LanMember {
  readonly namespace: Namespace;
  readonly device: string;
  addresses: Addresses;
}

/** The network behind a router: its bridge `lan0`, number 1, and members with the numbers 2, 3, … */
export class Lan {
  readonly #router: Namespace;
  readonly #prefixes: LanPrefixes;
  #nextNumber = 2;

  constructor(router: Namespace, prefixes: LanPrefixes) {
    this.#router = router;
    this.#prefixes = prefixes;
  }

  async open(): Promise<void> {
    await this.#router.ip(
      'link set lo up',
      'link add lan0 type bridge',
      'link set lan0 up',
      ...add(this.#addresses(1), 'lan0'),
    );
  }

  async connect(namespace: Namespace, device: string): Promise<LanMember> {
    const number = this.#nextNumber++;
    const port = `port${number}`;
    await this.#router.ip(
      `link add ${port} type veth peer name ${device} netns ${namespace.name}`,
      `link set ${port} master lan0`,
      `link set ${port} up`,
    );
    const member: LanMember = { namespace, device, addresses: this.#addresses(number) };
    await namespace.ip('link set lo up', `link set ${device} up`, ...this.#join(member));
    return member;
  }

  /** Another address for the same host, as after a new lease. */
  async renumber(member: LanMember): Promise<void> {
    member.addresses = this.#addresses(this.#nextNumber++);
    const flush = `addr flush dev ${member.device} scope global`;
    await member.namespace.ip(flush, ...this.#join(member));
  }

  #join({ device, addresses }: LanMember): string[] {
    const gateways = Object.values(this.#addresses(1));
    return [
      ...add(addresses, device),
      ...gateways.map((via) => `route replace default via ${via} dev ${device}`),
    ];
  }

  #addresses(number: number): { readonly v4?: string; readonly v6?: string } {
    const { v4, v6 } = this.#prefixes;
    return {
      ...(v4 !== undefined && { v4: `${v4}.${number}` }),
      ...(v6 !== undefined && { v6: `${v6}${number}` }),
    };
  }
}

function add({ v4, v6 }: Addresses, device: string): string[] {
  return [
    ...(v4 === undefined ? [] : [`addr add ${v4}/24 dev ${device}`]),
    ...(v6 === undefined ? [] : [`addr add ${v6}/64 dev ${device} nodad`]),
  ];
}
