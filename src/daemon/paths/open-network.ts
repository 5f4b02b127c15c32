import { lookup } from 'node:dns/promises';

import type { Clock } from '../../base/clock.ts';
import { type Endpoint, parseEndpoint } from '../../base/endpoint.ts';
import { describeError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Config } from '../../home/config.ts';
import { gatewayMappers } from '../links/gateway-mappers.ts';
import { systemInterfaces } from '../links/network-watcher.ts';
import { PortMapping } from '../links/port-mapping.ts';
import type { Log } from '../log/log.ts';
import type { Storage } from '../store/storage.ts';
import { keepPort, readKeptPort } from './kept-port.ts';
import { LocalNetwork } from './local-network.ts';
import { UdpUnderlay } from './udp-underlay.ts';

/** What of a relay's client tells where it answers STUN. */
export interface RelayOfStun {
  readonly url: string;
  readonly state: string;
  readonly stunPort: number | undefined;
}

export interface OpenNetworkDeps {
  readonly config: Config;
  readonly storage: Storage;
  readonly relays: readonly RelayOfStun[];
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
}

export interface OpenNetwork {
  readonly network: LocalNetwork;
  /** Gives the mapped port back and closes the sockets, with whatever link is left on them. */
  close(): Promise<void>;
}

/** The sockets of this host for direct paths. Undefined when none are wanted, or none can be had. */
export function openNetwork(deps: OpenNetworkDeps): OpenNetwork | undefined {
  const { config, storage, clock, random, log } = deps;
  if (config.network.nat_traversal === 'off') return undefined;
  const underlay = openUnderlay(deps);
  if (underlay === undefined) return undefined;
  const port = underlay.bases[0]?.port;
  if (port !== undefined) keepPort(storage, port);
  const mappers = gatewayMappers({ clock, random });
  const network = new LocalNetwork({
    ...{ clock, random, log, underlay, router: underlay.router },
    interfaces: systemInterfaces,
    configured: config.protocol.connection.stun_servers.flatMap(
      (text) => parseEndpoint(text) ?? [],
    ),
    relayStunServers: () => deps.relays.flatMap(stunServerOf),
    resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    ...(config.network.port_mapping && {
      mapPort: (wanted, changed) => new PortMapping({ clock, mappers, port: wanted, changed }),
    }),
  });
  network.start();
  return {
    network,
    close: async () => {
      await network.stop();
      await underlay.close();
    },
  };
}

/** Without UDP there is still the relay. */
function openUnderlay({
  config,
  storage,
  clock,
  random,
  log,
}: OpenNetworkDeps): UdpUnderlay | undefined {
  const wanted = parseEndpoint(config.protocol.connection.listen)?.port ?? 0;
  const port = wanted === 0 ? readKeptPort(storage) : wanted;
  try {
    const underlay = new UdpUnderlay({ clock, random, port, transport: config.network.transport });
    log.debug({ bases: underlay.bases }, 'UDP sockets open');
    return underlay;
  } catch (error) {
    log.warn({ reason: describeError(error) }, 'no direct paths: there is no UDP socket');
    return undefined;
  }
}

/** At the host of its URL, as long as it is online. */
export function stunServerOf({ url, state, stunPort }: RelayOfStun): Endpoint[] {
  if (state !== 'online' || stunPort === undefined) return [];
  const { hostname } = new URL(url);
  return [{ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: stunPort }];
}
