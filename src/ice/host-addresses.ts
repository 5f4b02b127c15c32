import { plainHost } from '../base/ip-address.ts';
import { endpointRefusal, familyOf, type IpFamily } from './candidate.ts';

/** An address of this host as the system lists it (`os.networkInterfaces`, flat). */
export interface InterfaceAddress {
  /** `eth0` */
  readonly name: string;
  /** Numeric. */
  readonly address: string;
}

export interface HostAddress {
  readonly host: string;
  readonly family: IpFamily;
  /** 0 for the interface that is preferred. */
  readonly interfaceIndex: number;
}

/** A peer looks at ten of our candidates: room is left for two that STUN finds and two mapped ports. */
export const MAX_HOST_ADDRESSES = 6;

/** Bridges of containers and virtual machines on this host: other hosts rarely reach those. */
const VIRTUAL = /^(?:docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|cali|lxc|podman)/;

/**
 * The addresses at which another host could reach this one: global and private, also unique local IPv6
 * ones, but no loopback (unless several hosts are on one machine, as in tests), link-local, multicast. The
 * first of each interface and family come first, so that one with many addresses cannot crowd out others.
 */
export function hostAddresses(
  addresses: readonly InterfaceAddress[],
  rules: { readonly allowLoopback?: boolean } = {},
): readonly HostAddress[] {
  const names = [...new Set(addresses.map(({ name }) => name))];
  const order = [
    ...names.filter((name) => !VIRTUAL.test(name)),
    ...names.filter((name) => VIRTUAL.test(name)),
  ];
  const seen = new Map<string, number>();
  const found: { readonly address: HostAddress; readonly rank: number }[] = [];
  for (const { name, address } of addresses) {
    const host = plainHost(address);
    const family = familyOf(host);
    if (family === undefined) continue;
    if (endpointRefusal({ host, port: 1 }, { ours: [], ...rules }) !== undefined) continue;
    const rank = seen.get(`${name} ${family}`) ?? 0;
    seen.set(`${name} ${family}`, rank + 1);
    found.push({ address: { host, family, interfaceIndex: order.indexOf(name) }, rank });
  }
  found.sort((a, b) => a.rank - b.rank || a.address.interfaceIndex - b.address.interfaceIndex);
  return found.slice(0, MAX_HOST_ADDRESSES).map(({ address }) => address);
}
