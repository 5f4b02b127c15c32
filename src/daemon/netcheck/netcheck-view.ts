/** What was measured, as the local API tells it. */
import { formatEndpoint } from '../../base/endpoint.ts';
import type {
  NetcheckFamily,
  NetcheckFindings,
  NetcheckPortMapping,
  NetcheckRelay,
  NetcheckStunServer,
} from '../../client/api.ts';
import { familyOf, type IpFamily } from '../../ice/candidate.ts';
import { endpointKey, hostKey } from '../../ice/endpoint-key.ts';
import type { HostAddress } from '../../ice/host-addresses.ts';
import type { BaseReport, NatReport, ServerReport } from '../../ice/nat-behaviour.ts';
import type { MappingFailure, PortMappingState } from '../links/port-mapping.ts';
import type { RelayProbe } from './net-relay-probe.ts';
import type { NamedServer } from './netcheck-servers.ts';

/** What of UDP was asked, and what came of it. */
export interface UdpCheck {
  /** None where none were to be asked. */
  readonly servers: readonly NamedServer[];
  /** Undefined: there was no socket to ask with. */
  readonly report: NatReport | undefined;
}

export function familyView(
  family: IpFamily,
  addresses: readonly HostAddress[] | undefined,
  { servers, report }: UdpCheck,
): NetcheckFamily {
  const own = addresses?.filter((address) => address.family === family);
  const base = report?.bases.find((found) => found.family === family);
  const isAsked = servers.some(({ endpoints }) =>
    endpoints.some(({ host }) => familyOf(host) === family),
  );
  const hasAnswer = report?.servers.some(
    ({ server, outcome }) => familyOf(server.host) === family && isAnswer(outcome),
  );
  return {
    // What cannot be listed may be there.
    available: own === undefined || own.length > 0,
    addresses: (own ?? []).map(({ host }) => host),
    udp: isAsked ? hasAnswer === true : null,
    ...behaviourView(base),
  };
}

type BehaviourView = Omit<NetcheckFamily, 'available' | 'addresses' | 'udp'>;

const NOTHING_KNOWN: BehaviourView = {
  ...{ mapped: '', behind_nat: null, mapping: 'unknown', filtering: 'unknown' },
  ...{ port_kept: null, port_step: null, hairpin: null },
};

function behaviourView(base: BaseReport | undefined): BehaviourView {
  if (base === undefined) return NOTHING_KNOWN;
  const { mapped, behindNat, mapping, filtering, portKept, portStep, hairpin } = base;
  return {
    mapped: mapped === undefined ? '' : formatEndpoint(mapped),
    ...{ behind_nat: behindNat ?? null, mapping, filtering },
    ...{ port_kept: portKept ?? null, port_step: portStep?.step ?? null, hairpin: hairpin ?? null },
  };
}

/** A row for each address that was asked; one for a name without. */
export function stunServerViews({ servers, report }: UdpCheck): readonly NetcheckStunServer[] {
  return servers.flatMap(({ name, isResolved, endpoints }): NetcheckStunServer[] => {
    if (!isResolved) {
      return [{ name, address: '', outcome: 'not_resolved', mapped: '', rtt_ms: null }];
    }
    return endpoints.map((endpoint) => {
      const key = endpointKey(endpoint);
      const found = report?.servers.find(({ server }) => endpointKey(server) === key);
      return { name, address: formatEndpoint(endpoint), ...answerView(found, report) };
    });
  });
}

function answerView(
  found: ServerReport | undefined,
  report: NatReport | undefined,
): Pick<NetcheckStunServer, 'outcome' | 'mapped' | 'rtt_ms'> {
  if (found === undefined || !isAnswer(found.outcome)) {
    return { outcome: 'no_answer', mapped: '', rtt_ms: null };
  }
  const { mapped } = found;
  const believed = report?.bases.find(({ base }) => base === found.base)?.mapped;
  const isContradicted =
    mapped !== undefined && believed !== undefined && hostKey(mapped) !== hostKey(believed);
  return {
    outcome: isContradicted ? 'contradicted' : found.outcome,
    mapped: mapped === undefined ? '' : formatEndpoint(mapped),
    rtt_ms: found.rttMs === undefined ? null : roundedMs(found.rttMs),
  };
}

export function portMappingView(
  state: PortMappingState | 'not_needed' | 'not_asked',
): NetcheckPortMapping {
  const none = { protocol: '', external: '', failures: [] };
  if (typeof state === 'string') return { ...none, status: state };
  if (state.status === 'mapped') {
    const { status, protocol, external } = state;
    return { status, protocol, external: formatEndpoint(external), failures: [] };
  }
  const failures = state.status === 'none' ? state.failures.map(inWords) : [];
  return { ...none, status: 'none', failures };
}

/** Nothing listens at the gateway's port: the plain case gets plain words. */
function inWords({ protocol, reason }: MappingFailure): MappingFailure {
  const isRefused = reason.includes('ECONNREFUSED');
  return { protocol, reason: isRefused ? 'the gateway does not speak it' : reason };
}

export function relayView(url: string, online: boolean, probe: RelayProbe): NetcheckRelay {
  const rounded = (ms: number | null): number | null => (ms === null ? null : roundedMs(ms));
  const { connect_ms: connectMs, rtt_ms: rttMs } = probe;
  return { url, online, ...probe, connect_ms: rounded(connectMs), rtt_ms: rounded(rttMs) };
}

/** Something answers in the place of the relays, and no relay does. */
export function captivePortal(relays: readonly NetcheckRelay[]): boolean | null {
  if (relays.some(isRelay)) return false;
  const isOther = relays.some(({ outcome }) =>
    ['other', 'redirect', 'certificate'].includes(outcome),
  );
  return isOther ? true : null;
}

export function nearestRelay(relays: readonly NetcheckRelay[]): string {
  const measured = relays.filter((relay) => relay.rtt_ms !== null && isRelay(relay));
  measured.sort((a, b) => (a.rtt_ms ?? 0) - (b.rtt_ms ?? 0));
  return measured[0]?.url ?? '';
}

export function udpOf(ipv4: NetcheckFamily, ipv6: NetcheckFamily): NetcheckFindings['udp'] {
  if (ipv4.udp === null) return ipv6.udp;
  return ipv4.udp || ipv6.udp === true;
}

/** Microseconds. */
export function roundedMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function isRelay({ online, outcome }: NetcheckRelay): boolean {
  return online || outcome === 'ok' || outcome === 'draining';
}

function isAnswer(
  outcome: ServerReport['outcome'],
): outcome is Exclude<ServerReport['outcome'], 'waiting' | 'no_answer'> {
  return outcome !== 'waiting' && outcome !== 'no_answer';
}
