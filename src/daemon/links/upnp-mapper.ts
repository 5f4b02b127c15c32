/**
 * UPnP (IGD 2) by `@achingbrain/nat-port-mapper`, which is loaded when a gateway was found: 15 MB.
 *
 * Not taken from it: its search (an address that cannot be bound, or an answer without a lifetime, throws out of its
 * sockets' handlers; it asks whatever URL anybody names and reads without end), its NAT-PMP (a lifetime in milliseconds where the protocol has seconds, no repetition,
 * believes any sender, and a short datagram throws out of its socket's handler), its renewal (timers of its
 * own), and its `unmap` (names the inner port for the outer one and no protocol, so gateways refuse). It
 * gives leases of an hour at least.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import type { Gateway } from '@achingbrain/nat-port-mapper';

import type { MappingGrant, MappingWish, PortMapper } from './port-mapper.ts';
import { searchUpnpGateway } from './upnp-search.ts';

/** Shown in the gateway's own pages. */
const DESCRIPTION = 'pilot';
const WAN_IP_CONNECTION = 'urn:schemas-upnp-org:service:WANIPConnection:2';
const MIN_LEASE_MS = 3_600_000;

/** Where the description of a gateway is. */
export type FindGateway = (signal: AbortSignal) => Promise<URL>;

/** What the library keeps behind a `Gateway`: the way to actions that it offers no method for. */
interface GatewayDevice {
  run(
    service: string,
    action: string,
    args: readonly (readonly [name: string, value: string | number])[],
    options: { readonly signal: AbortSignal },
  ): Promise<unknown>;
}

export class UpnpMapper implements PortMapper {
  readonly #find: FindGateway;
  #location: URL | undefined;
  #gateway: Gateway | undefined;

  constructor(find: FindGateway = async (signal) => searchUpnpGateway({ signal })) {
    this.#find = find;
  }

  async map(wish: MappingWish, signal: AbortSignal): Promise<MappingGrant> {
    this.#location ??= await this.#find(signal);
    const { upnpNat } = await import('@achingbrain/nat-port-mapper');
    const client = upnpNat({ autoRefresh: false, description: DESCRIPTION });
    // Each time: of a description that is an hour old it would search the gateway by itself.
    this.#gateway = await client.getGateway(this.#location, { signal });
    const { internalPort, externalPort } = wish;
    const localHost = await localHostTowards(this.#gateway, signal);
    const lifetimeMs = Math.max(wish.lifetimeMs, MIN_LEASE_MS);
    const mapping = await this.#gateway.map(internalPort, localHost, {
      externalPort,
      protocol: 'udp',
      ttl: lifetimeMs,
      autoRefresh: false,
      signal,
    });
    const external = { host: mapping.externalHost, port: mapping.externalPort };
    return { external, lifetimeMs };
  }

  async release({ externalPort }: MappingWish, signal: AbortSignal): Promise<void> {
    const device = (this.#gateway as { gateway?: GatewayDevice } | undefined)?.gateway;
    const args = [
      ['NewRemoteHost', ''],
      ['NewExternalPort', externalPort],
      ['NewProtocol', 'UDP'],
    ] as const;
    await device?.run(WAN_IP_CONNECTION, 'DeletePortMapping', args, { signal });
  }
}

/** Connecting a UDP socket sends nothing and tells which of our addresses would be used. */
async function localHostTowards({ host }: Gateway, signal: AbortSignal): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.connect(9, host);
    await once(socket, 'connect', { signal });
    return socket.address().address;
  } finally {
    socket.close();
  }
}
