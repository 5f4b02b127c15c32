/**
 * Ports by UPnP, versions 1 and 2 of the Internet Gateway Device:
 *
 *     search ──> description ──> the service that knows an outer address ──> AddAnyPortMapping   version 2
 *                                                                       └──> AddPortMapping      version 1: we look for a free port
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

import { fetchIgdDescription, IgdRefusal, runIgdAction } from './igd-actions.ts';
import { elementText, type IgdService, igdServices } from './igd-description.ts';
import type { MappingGrant, MappingWish, PortMapper } from './port-mapper.ts';

/** Shown in the gateway's own pages. */
const DESCRIPTION = 'pilot';
/** WANIPConnection:1, 2.4.16: another host has that port. */
const CONFLICT = 718;
/** The same: leases are for ever. It is taken: what cannot be given back after a crash is had again at the next start. */
const ONLY_PERMANENT = 725;
/** With version 1. A conflict is mostly with our own host under its address of before. */
const MAX_PORTS_TRIED = 5;

/** Where the description of a gateway is. */
export type FindGateway = (signal: AbortSignal) => Promise<URL>;

export class UpnpMapper implements PortMapper {
  readonly #find: FindGateway;
  #location: URL | undefined;
  #service: IgdService | undefined;

  constructor(find: FindGateway) {
    this.#find = find;
  }

  async map(wish: MappingWish, signal: AbortSignal): Promise<MappingGrant> {
    this.#location ??= await this.#find(signal);
    const location = this.#location;
    // Each time: a gateway that was restarted may have other control URLs.
    const services = igdServices(await fetchIgdDescription(location, signal), location);
    const { service, host } = await connectedService(services, signal);
    this.#service = service;
    const localHost = await localHostTowards(location, signal);
    const port = service.type.endsWith('WANIPConnection:2')
      ? await mapAny(service, { wish, localHost }, signal)
      : await mapFree(service, { wish, localHost }, signal);
    return { external: { host, port }, lifetimeMs: wish.lifetimeMs };
  }

  async release({ externalPort }: MappingWish, signal: AbortSignal): Promise<void> {
    if (this.#service === undefined) return;
    const args = { NewRemoteHost: '', NewExternalPort: externalPort, NewProtocol: 'UDP' };
    await runIgdAction(this.#service, ['DeletePortMapping', args], signal);
  }
}

/** Of several the one whose line is up. Rejects with the last one's reason when none is. */
async function connectedService(
  services: readonly IgdService[],
  signal: AbortSignal,
): Promise<{ readonly service: IgdService; readonly host: string }> {
  let reason: unknown = new Error('the UPnP gateway maps no ports');
  for (const service of services) {
    try {
      const answer = await runIgdAction(service, ['GetExternalIPAddress', {}], signal);
      const host = elementText(answer, 'NewExternalIPAddress') ?? '';
      if (isIPv4(host) && host !== '0.0.0.0') return { service, host };
      reason = new Error('the UPnP gateway has no outer address');
    } catch (error) {
      signal.throwIfAborted();
      reason = error;
    }
  }
  throw reason;
}

interface Wanted {
  readonly wish: MappingWish;
  readonly localHost: string;
}

async function mapAny(service: IgdService, wanted: Wanted, signal: AbortSignal): Promise<number> {
  const args = mappingArguments(wanted);
  const answer = await runIgdAction(service, ['AddAnyPortMapping', args], signal);
  const port = Number(elementText(answer, 'NewReservedPort'));
  if (!Number.isInteger(port)) throw new Error('the UPnP gateway does not tell the port');
  return port;
}

async function mapFree(service: IgdService, wanted: Wanted, signal: AbortSignal): Promise<number> {
  let { externalPort: port, lifetimeMs } = wanted.wish;
  for (let tried = 1; ;) {
    const args = mappingArguments({
      ...wanted,
      wish: { ...wanted.wish, externalPort: port, lifetimeMs },
    });
    try {
      await runIgdAction(service, ['AddPortMapping', args], signal);
      return port;
    } catch (error) {
      const code = error instanceof IgdRefusal ? error.code : undefined;
      if (code === ONLY_PERMANENT && lifetimeMs > 0) lifetimeMs = 0;
      else if (code === CONFLICT && tried < MAX_PORTS_TRIED) {
        tried += 1;
        port = port === 65_535 ? 1024 : port + 1;
      } else throw error;
    }
  }
}

function mappingArguments({ wish, localHost }: Wanted): Record<string, string | number> {
  return {
    NewRemoteHost: '',
    NewExternalPort: wish.externalPort,
    NewProtocol: 'UDP',
    NewInternalPort: wish.internalPort,
    NewInternalClient: localHost,
    NewEnabled: 1,
    NewPortMappingDescription: DESCRIPTION,
    NewLeaseDuration: Math.round(wish.lifetimeMs / 1000),
  };
}

/** Connecting a UDP socket sends nothing and tells which of our addresses would be used. */
async function localHostTowards({ hostname }: URL, signal: AbortSignal): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.connect(9, hostname);
    await once(socket, 'connect', { signal });
    return socket.address().address;
  } finally {
    socket.close();
  }
}
