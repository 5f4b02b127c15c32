/**
 * What the answers of STUN servers to one socket say about the NAT in between, in the words of RFC 4787.
 *
 *     mapping     endpoint-independent           one outer port for every destination: easy
 *                 address-dependent              another for each remote address (or worse: a server that
 *                                                shows two ports of one address is needed to tell)
 *                 address-and-port-dependent     another for each remote address and port
 *     filtering   the same words for who may answer through a mapping; only a server of RFC 5780 shows it
 *
 * Who is believed: each server's host has one vote, and an outer address counts when more than half of
 * those that answered name it. Of one, that is the one; of two, both, or neither. A liar among three or
 * more changes nothing; one of two can hide our outer address, and a single one can name a wrong address,
 * which costs a peer that trusts us a candidate's checks.
 */
import type { Endpoint } from '../base/endpoint.ts';
import { endpointKey, hostKey } from './endpoint-key.ts';

export type NatBehaviour =
  'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent' | 'unknown';

/** Which outer endpoint a server saw, in the order in which the servers were asked. */
export interface Observation {
  readonly server: Endpoint;
  readonly mapped: Endpoint;
}

export interface PortStep {
  /** From one new mapping to the next; negative when ports count down. */
  readonly step: number;
  /** Of the newest mapping. */
  readonly lastPort: number;
}

/** What one server said through one base. */
export interface ServerReport {
  readonly base: string;
  readonly server: Endpoint;
  /** `unusable`: an answer without an address that could be ours. */
  readonly outcome: 'waiting' | 'answered' | 'no_answer' | 'refused' | 'unusable';
  readonly mapped: Endpoint | undefined;
  /** Only of an answer to the first request: after a second nobody knows which was answered. */
  readonly rttMs: number | undefined;
}

/** What is known of the NATs behind one socket. */
export interface BaseReport {
  readonly base: string;
  readonly family: 'v4' | 'v6';
  /** The believed outer endpoint. */
  readonly mapped: Endpoint | undefined;
  /** False when `mapped` is an address of this host. */
  readonly behindNat: boolean | undefined;
  readonly mapping: NatBehaviour;
  readonly filtering: NatBehaviour;
  /** Is the outer port the inner one? */
  readonly portKept: boolean | undefined;
  readonly portStep: PortStep | undefined;
  /** Does the NAT bring back what is sent from inside to its outer side? */
  readonly hairpin: boolean | undefined;
}

export interface NatReport {
  /** Did any server answer? */
  readonly udp: boolean;
  readonly bases: readonly BaseReport[];
  readonly servers: readonly ServerReport[];
}

/** Larger regular steps are chance, and nothing to aim at. */
export const MAX_PORT_STEP = 32;

/** The first observation of each server's host: its vote. */
export function votesOf(observations: readonly Observation[]): readonly Observation[] {
  const voted = new Set<string>();
  return observations.filter(({ server }) => {
    const key = hostKey(server);
    if (voted.has(key)) return false;
    voted.add(key);
    return true;
  });
}

/** The most votes that one outer address has, whatever the ports. */
export function largestAgreement(observations: readonly Observation[]): number {
  return Math.max(0, ...tally(votesOf(observations), ({ mapped }) => hostKey(mapped)).values());
}

/** The outer endpoint named most often with the address that more than half name. */
export function believedEndpoint(observations: readonly Observation[]): Endpoint | undefined {
  const votes = votesOf(observations);
  const [host, count] = largest(tally(votes, ({ mapped }) => hostKey(mapped)));
  if (host === undefined || count * 2 <= votes.length) return undefined;
  const agreeing = votes.filter(({ mapped }) => hostKey(mapped) === host);
  const [endpoint] = largest(tally(agreeing, ({ mapped }) => endpointKey(mapped)));
  return agreeing.find(({ mapped }) => endpointKey(mapped) === endpoint)?.mapped;
}

/** `unknown` with answers from one address only, unless its ports see different mappings. */
export function mappingOf(observations: readonly Observation[]): NatBehaviour {
  if (seesTwoPortsApart(observations)) return 'address-and-port-dependent';
  const votes = votesOf(observations);
  if (votes.length < 2) return 'unknown';
  const [, same] = largest(tally(votes, ({ mapped }) => endpointKey(mapped)));
  // A majority that sees one mapping outvotes a server that invents another.
  return same * 2 > votes.length ? 'endpoint-independent' : 'address-dependent';
}

/**
 * The step between mappings of a NAT that counts its ports, from at least three that differ. Their order
 * does not matter, since the first request to a server can get lost; only whether ports go up or down is
 * taken from it.
 */
export function portStepOf(observations: readonly Observation[]): PortStep | undefined {
  const hosts = new Set(observations.map(({ mapped }) => hostKey(mapped)));
  const ports = [...new Set(observations.map(({ mapped }) => mapped.port))];
  const [first = 0] = ports;
  const last = ports.at(-1) ?? 0;
  if (hosts.size !== 1 || ports.length < 3) return undefined;
  const sorted = [...ports].sort((a, b) => a - b);
  const [lowest = 0, second = 0] = sorted;
  const step = second - lowest;
  if (step > MAX_PORT_STEP) return undefined;
  if (sorted.some((port, i) => port !== lowest + i * step)) return undefined;
  return first < last
    ? { step, lastPort: sorted.at(-1) ?? last }
    : { step: -step, lastPort: lowest };
}

function seesTwoPortsApart(observations: readonly Observation[]): boolean {
  return observations.some((a) =>
    observations.some(
      (b) =>
        hostKey(a.server) === hostKey(b.server) &&
        a.server.port !== b.server.port &&
        endpointKey(a.mapped) !== endpointKey(b.mapped),
    ),
  );
}

function tally(
  votes: readonly Observation[],
  keyOf: (vote: Observation) => string,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const vote of votes) counts.set(keyOf(vote), (counts.get(keyOf(vote)) ?? 0) + 1);
  return counts;
}

/** The key counted most often, of equal ones the first. */
function largest(counts: ReadonlyMap<string, number>): readonly [string | undefined, number] {
  let best: readonly [string | undefined, number] = [undefined, 0];
  for (const [key, count] of counts) if (count > best[1]) best = [key, count];
  return best;
}
