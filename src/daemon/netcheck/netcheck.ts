/**
 * Looks at the network that this host is in, beside what the daemon does there:
 *
 *     STUN servers ──> NatReport ──────┐
 *     gateway ───────> a port, given back ──> findings ──> outlook, warnings
 *     relays ────────> round trips ────┘
 *
 * The three at once, each over sockets of its own, and all within 10 s: 9 s to ask, one to give the port back. What is
 * not known by then stays unknown.
 */
import type { Clock } from '../../base/clock.ts';
import { Deadlines } from '../../base/deadlines.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import type {
  Netcheck as NetcheckReply,
  NetcheckFindings,
  NetcheckRequest,
} from '../../client/api.ts';
import { familyOf, type IpFamily } from '../../ice/candidate.ts';
import {
  type HostAddress,
  hostAddresses,
  type InterfaceAddress,
} from '../../ice/host-addresses.ts';
import { isOuterAddress } from '../links/outer-address.ts';
import type { MapperFactory } from '../links/port-mapper.ts';
import type { Log } from '../log/log.ts';
import type { RelayPort } from '../relays/relay-port.ts';
import type { RelayProbe } from './net-relay-probe.ts';
import { checkGateway, checkNat, type NetcheckSockets } from './netcheck-nat.ts';
import { netcheckServers, type NetcheckServersDeps } from './netcheck-servers.ts';
import { netcheckOutlook } from './netcheck-verdict.ts';
import {
  captivePortal,
  familyView,
  nearestRelay,
  portMappingView,
  relayView,
  roundedMs,
  stunServerViews,
  type UdpCheck,
  udpOf,
} from './netcheck-view.ts';
import { netcheckWarnings } from './netcheck-warnings.ts';

export interface NetcheckDeps extends Omit<NetcheckServersDeps, 'deadlines' | 'relays'> {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly settings: Pick<NetcheckFindings, 'nat_traversal' | 'relay_fallback'> & {
    readonly port_mapping: boolean;
  };
  readonly relays: readonly Pick<RelayPort, 'url' | 'state' | 'on'>[];
  /** Undefined when they cannot be listed. */
  readonly interfaces: () => readonly InterfaceAddress[] | undefined;
  /** New ones. PilotError `unavailable` when there are none to be had. */
  readonly openSockets: (families: readonly IpFamily[]) => NetcheckSockets;
  readonly mappers: () => readonly MapperFactory[];
  readonly probe: (url: string, signal: AbortSignal) => Promise<RelayProbe>;
  readonly proxies: () => NetcheckFindings['http_proxies'];
}

interface ProbedRelay {
  readonly relay: NetcheckDeps['relays'][number];
  readonly probe: RelayProbe;
}

/** Its end leaves a second of 10 for giving back what the gateway granted. */
const LIMIT_MS = 9_000;
const FAMILIES = ['v4', 'v6'] as const;

export class Netcheck {
  readonly #deps: NetcheckDeps;
  readonly #deadlines: Deadlines;
  #isRunning = false;

  constructor(deps: NetcheckDeps) {
    this.#deps = deps;
    this.#deadlines = new Deadlines(deps.clock);
  }

  /** PilotError `unavailable` while another one runs; the signal's reason when aborted, after everything is closed. */
  async run({ force = false }: NetcheckRequest, signal: AbortSignal): Promise<NetcheckReply> {
    if (this.#isRunning) {
      throw new PilotError('unavailable', 'another netcheck is under way', {
        hint: 'It takes 10 s at most: try again then.',
      });
    }
    this.#isRunning = true;
    const { clock, log } = this.#deps;
    try {
      const startedMs = clock.monotonic();
      log.info({ force }, 'netcheck begins');
      const findings = await this.#measure(force, signal);
      const outlook = netcheckOutlook(findings);
      const durationMs = roundedMs(clock.monotonic() - startedMs);
      log.info({ verdict: outlook.verdict, duration_ms: durationMs }, 'netcheck is done');
      const warnings = netcheckWarnings(findings);
      return { ...outlook, warnings, ...findings, duration_ms: durationMs };
    } finally {
      this.#isRunning = false;
    }
  }

  async #measure(force: boolean, signal: AbortSignal): Promise<NetcheckFindings> {
    const { settings, interfaces, proxies } = this.#deps;
    const { nat_traversal, relay_fallback } = settings;
    const mayAsk = nat_traversal !== 'off' || force;
    const mayMap = mayAsk && (settings.port_mapping || force);
    const listed = interfaces();
    const addresses = listed && hostAddresses(listed);
    const [udp, port_mapping, probes] = await allEnded([
      mayAsk ? this.#checkUdp(addresses, signal) : { servers: [], report: undefined },
      mayMap ? this.#checkGateway(addresses, signal) : portMappingView('not_asked'),
      this.#probeRelays(signal),
    ]);
    const relays = probes.map(({ relay, probe }) =>
      relayView(relay.url, relay.state === 'online', probe),
    );
    const ipv4 = familyView('v4', addresses, udp);
    const ipv6 = familyView('v6', addresses, udp);
    return {
      ...{ nat_traversal, relay_fallback },
      ...{ udp: udpOf(ipv4, ipv6), ipv4, ipv6, stun_servers: stunServerViews(udp), port_mapping },
      ...{ relays, nearest_relay: nearestRelay(relays), captive_portal: captivePortal(relays) },
      http_proxies: proxies(),
    };
  }

  async #checkUdp(
    addresses: readonly HostAddress[] | undefined,
    signal: AbortSignal,
  ): Promise<UdpCheck> {
    const { clock } = this.#deps;
    const endMs = clock.monotonic() + LIMIT_MS;
    const families = FAMILIES.filter((family) => hasFamily(addresses, family));
    const named = await netcheckServers(
      { ...this.#deps, deadlines: this.#deadlines },
      families,
      signal,
    );
    const servers = named.flatMap(({ endpoints }) => endpoints);
    const check = async (sockets: NetcheckSockets): Promise<UdpCheck> => {
      const limits = { ms: endMs - clock.monotonic(), signal };
      const input = { servers, addresses: addresses ?? [] };
      const report = await checkNat(this.#checkDeps(sockets), input, limits);
      return { servers: named, report };
    };
    if (servers.length === 0) return { servers: named, report: undefined };
    return (await this.#withSockets(families, check)) ?? { servers: named, report: undefined };
  }

  async #checkGateway(
    addresses: readonly HostAddress[] | undefined,
    signal: AbortSignal,
  ): Promise<NetcheckFindings['port_mapping']> {
    const isPublic = addresses?.some(({ host }) => isOuterIpv4(host)) === true;
    if (!hasFamily(addresses, 'v4') || isPublic) return portMappingView('not_needed');
    const check = async (sockets: NetcheckSockets): Promise<NetcheckFindings['port_mapping']> => {
      const limits = { ms: LIMIT_MS, signal };
      const mappers = this.#deps.mappers();
      return portMappingView(await checkGateway(this.#checkDeps(sockets), mappers, limits));
    };
    return (await this.#withSockets(['v4'], check)) ?? portMappingView('not_asked');
  }

  /** Whether the node is logged in is for later: one that has just started is about to be. */
  async #probeRelays(signal: AbortSignal): Promise<readonly ProbedRelay[]> {
    const { relays, probe } = this.#deps;
    return Promise.all(
      relays.map(async (relay) => ({ relay, probe: await probe(relay.url, signal) })),
    );
  }

  #checkDeps(sockets: NetcheckSockets): Parameters<typeof checkNat>[0] {
    const { clock, random } = this.#deps;
    return { clock, random, deadlines: this.#deadlines, sockets };
  }

  /** Undefined when this host has no UDP sockets to give. */
  async #withSockets<T>(
    families: readonly IpFamily[],
    use: (sockets: NetcheckSockets) => Promise<T>,
  ): Promise<T | undefined> {
    let sockets: NetcheckSockets;
    try {
      sockets = this.#deps.openSockets(families);
    } catch (error) {
      if (error instanceof PilotError) return undefined;
      throw error;
    }
    try {
      return await use(sockets);
    } finally {
      await sockets.close();
    }
  }
}

function hasFamily(addresses: readonly HostAddress[] | undefined, family: IpFamily): boolean {
  return addresses === undefined || addresses.some((address) => address.family === family);
}

function isOuterIpv4(host: string): boolean {
  return familyOf(host) === 'v4' && isOuterAddress({ host, port: 1 });
}

/** When all have ended, also those that outlive a failure of another. */
async function allEnded<const Parts extends readonly unknown[]>(
  parts: Parts,
): Promise<{ -readonly [I in keyof Parts]: Awaited<Parts[I]> }> {
  await Promise.allSettled(parts);
  return Promise.all(parts);
}
