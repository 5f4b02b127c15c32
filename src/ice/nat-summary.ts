/**
 * What a side tells its peer about the NAT before its IPv4 socket, so that both can plan the same
 * (hard-nat.ts). IPv6 has firewalls, but hardly any NAT, and checks get through those.
 *
 *     mapping   endpoint-independent   `outer` is where everybody reaches us
 *               dependent              another port for each remote endpoint; of `outer` only the host counts
 *               unknown                only one server has answered, or none
 *
 * It is a claim of the peer's: what is sent because of it stays within the bounds of hard-nat-attempt.ts, and
 * goes to hosts of its candidates only.
 */
import type { Endpoint } from '../base/endpoint.ts';
import { endpointRefusal, familyOf } from './candidate.ts';
import { hostKey } from './endpoint-key.ts';
import { MAX_PORT_STEP, type NatReport, type PortStep } from './nat-behaviour.ts';

export interface NatSummary {
  readonly mapping: 'endpoint-independent' | 'dependent' | 'unknown';
  /** False when the socket has a public address itself. */
  readonly behindNat: boolean | undefined;
  /** As the majority of the STUN servers saw it; undefined when none answered. */
  readonly outer: Endpoint | undefined;
  /** Of a dependent mapping that counts its ports. */
  readonly portStep: PortStep | undefined;
}

export const UNKNOWN_NAT: NatSummary = {
  mapping: 'unknown',
  behindNat: undefined,
  outer: undefined,
  portStep: undefined,
};

const MAX_PORT = 65_535;

/** Of the socket `base`; `UNKNOWN_NAT` when the report does not have it. */
export function summarizeNat(report: NatReport, base = 'v4'): NatSummary {
  const found = report.bases.find((candidate) => candidate.base === base);
  if (found === undefined) return UNKNOWN_NAT;
  const { mapped: outer, behindNat } = found;
  if (found.mapping === 'endpoint-independent' || found.mapping === 'unknown') {
    return { mapping: found.mapping, behindNat, outer, portStep: undefined };
  }
  return { mapping: 'dependent', behindNat, outer, portStep: found.portStep };
}

/** Whether what a peer told can be a summary. Nothing else is believed of it. */
export function isNatSummary(summary: NatSummary): boolean {
  const { mapping, outer, portStep } = summary;
  if (!['endpoint-independent', 'dependent', 'unknown'].includes(mapping)) return false;
  if (!['boolean', 'undefined'].includes(typeof summary.behindNat)) return false;
  if (outer !== undefined && !isOuter(outer)) return false;
  return portStep === undefined || (mapping === 'dependent' && isPortStep(portStep));
}

export function haveSameOuterHost(a: NatSummary, b: NatSummary): boolean {
  return a.outer !== undefined && b.outer !== undefined && hostKey(a.outer) === hostKey(b.outer);
}

/** Loopback is for several hosts on one machine; whether it is sent to is the agent's decision. */
function isOuter(outer: Endpoint): boolean {
  const rules = { ours: [], allowLoopback: true };
  return familyOf(outer.host) === 'v4' && endpointRefusal(outer, rules) === undefined;
}

function isPortStep({ step, lastPort }: PortStep): boolean {
  if (!Number.isInteger(step) || step === 0 || Math.abs(step) > MAX_PORT_STEP) return false;
  return Number.isInteger(lastPort) && lastPort >= 1 && lastPort <= MAX_PORT;
}
