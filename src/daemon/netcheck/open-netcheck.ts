import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';

import type { Clock } from '../../base/clock.ts';
import { parseEndpoint } from '../../base/endpoint.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Config } from '../../home/config.ts';
import type { InterfaceAddress } from '../../ice/host-addresses.ts';
import { gatewayMappers } from '../links/gateway-mappers.ts';
import type { MapperFactory } from '../links/port-mapper.ts';
import type { Log } from '../log/log.ts';
import { stunServerOf } from '../paths/open-network.ts';
import { UdpUnderlay } from '../paths/udp-underlay.ts';
import type { RelayPort } from '../relays/relay-port.ts';
import { proxiesIn } from './net-proxies.ts';
import { probeRelay } from './net-relay-probe.ts';
import { Netcheck } from './netcheck.ts';

export interface OpenNetcheckDeps {
  readonly config: Config;
  readonly relays: readonly RelayPort[];
  /** PEM of certificates that relays are trusted by instead of the system's. */
  readonly ca: string | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const RELAY_TIMEOUT_MS = 5_000;
/** For a gateway that is there; the daemon itself waits longer (gateway-mappers.ts). With the others before it 7 s. */
const MAX_MAPPER_MS = 4_000;

/** Over the real network of this host. */
export function openNetcheck({
  config,
  relays,
  ca,
  clock,
  random,
  log,
  env,
}: OpenNetcheckDeps): Netcheck {
  const { network, protocol } = config;
  const configured = protocol.connection.stun_servers.flatMap((text) => parseEndpoint(text) ?? []);
  return new Netcheck({
    ...{ clock, random, log, relays },
    settings: {
      nat_traversal: network.nat_traversal,
      port_mapping: network.port_mapping,
      relay_fallback: protocol.connection.relay_fallback,
    },
    wanted: () => [...relays.flatMap(stunServerOf), ...configured],
    resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    interfaces: listInterfaces,
    openSockets: (families) => new UdpUnderlay({ clock, random, port: 0, families }),
    mappers: () => gatewayMappers({ clock, random }).map(quick),
    probe: async (url, signal) =>
      probeRelay(url, { clock, ca, timeoutMs: RELAY_TIMEOUT_MS }, signal),
    proxies: () => proxiesIn(env),
  });
}

function quick(factory: MapperFactory): MapperFactory {
  return { ...factory, timeoutMs: Math.min(factory.timeoutMs, MAX_MAPPER_MS) };
}

function listInterfaces(): readonly InterfaceAddress[] | undefined {
  try {
    return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
      addresses.map(({ address }) => ({ name, address })),
    );
  } catch {
    return undefined; // Some systems do not let a program see them.
  }
}
