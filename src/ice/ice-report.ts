/** What an attempt did and why it ended so: a plain object for `pilotctl peers` and events. */
import { formatEndpoint } from '../base/endpoint.ts';
import { type Candidate, type CandidateKind, familyOf } from './candidate.ts';
import type { CandidatePair } from './candidate-pair.ts';
import type { IceRole } from './check-message.ts';
import type { RemoteRefusal } from './remote-candidates.ts';

export interface CandidateReport {
  readonly kind: CandidateKind;
  readonly endpoint: string;
  /** Local ones only. */
  readonly base?: string;
}

export type PairOutcome =
  | 'selected'
  | 'valid'
  | 'checking'
  /** A better one was selected meanwhile. */
  | 'abandoned'
  | 'not_checked'
  | 'no_answer'
  | 'wrong_integrity'
  | 'refused';

export interface PairReport {
  readonly base: string;
  readonly remote: string;
  readonly kind: CandidateKind;
  readonly outcome: PairOutcome;
  readonly requests: number;
  readonly answers: number;
  readonly rttMs?: number;
  /** Our own address as the peer saw it. */
  readonly mapped?: string;
  readonly errorCode?: number;
}

export interface InboundCounts {
  requests: number;
  wrongIntegrity: number;
  /** By error: another generation, role conflict, malformed. */
  refused: number;
  /** From an address that nothing is sent to, or above the rate. */
  dropped: number;
}

export type IceFailure =
  | 'no_credentials'
  | 'no_local_candidates'
  | 'no_remote_candidates'
  | 'no_common_family'
  | 'no_answer'
  | 'one_way'
  | 'wrong_integrity'
  | 'refused'
  | 'not_nominated';

const FAILURE_TEXT: Readonly<Record<IceFailure, string>> = {
  no_credentials: 'the peer did not say how to reach it',
  no_local_candidates: 'no address of ours is known',
  no_remote_candidates: 'the peer told no address that can be used',
  no_common_family: 'the two sides share no address family (IPv4 or IPv6)',
  no_answer: 'no check was answered: a NAT or firewall in between, or UDP is blocked',
  one_way: "the peer's checks arrive here, but none of ours is answered",
  wrong_integrity: 'answers came, but signed with another password than the peer told',
  refused: 'the peer answered with errors',
  not_nominated: 'a path was found, but the two sides did not agree on it in time',
};

/** The last three are ends: nothing fit, the selected pair died, the owner wanted no more. */
export type IceState = 'checking' | 'connected' | 'failed' | 'lost' | 'closed';

export interface IceReport {
  readonly state: IceState;
  readonly role: IceRole;
  readonly durationMs: number;
  readonly failure?: { readonly code: IceFailure; readonly text: string };
  readonly local: readonly CandidateReport[];
  readonly remote: readonly CandidateReport[];
  /** Candidates of the peer that are not used, by the reason. */
  readonly refused: Readonly<Partial<Record<RemoteRefusal, number>>>;
  readonly pairs: readonly PairReport[];
  readonly inbound: Readonly<InboundCounts>;
  /** Checks toward endpoints that were only guessed. */
  readonly punches: number;
}

/** What an attempt knows of itself. */
export interface AttemptFacts {
  readonly state: IceState;
  readonly role: IceRole;
  readonly durationMs: number;
  readonly hasRemoteCredentials: boolean;
  readonly local: readonly Candidate[];
  readonly remote: readonly Candidate[];
  readonly refused: Readonly<Partial<Record<RemoteRefusal, number>>>;
  readonly pairs: readonly CandidatePair[];
  readonly selected: CandidatePair | undefined;
  readonly inbound: Readonly<InboundCounts>;
  readonly punches: number;
}

export function buildReport(facts: AttemptFacts): IceReport {
  const { state, role, durationMs, local, remote, refused, pairs, inbound, punches } = facts;
  const code = state === 'failed' ? failureOf(facts) : undefined;
  return {
    state,
    role,
    durationMs,
    ...(code === undefined ? {} : { failure: { code, text: FAILURE_TEXT[code] } }),
    local: local.map(reportCandidate),
    remote: remote.map(reportCandidate),
    refused: { ...refused },
    pairs: pairs.map((pair) => reportPair(pair, pair === facts.selected)),
    inbound,
    punches,
  };
}

function failureOf(facts: AttemptFacts): IceFailure {
  const { pairs, local, remote } = facts;
  if (pairs.some(({ state }) => state === 'succeeded')) return 'not_nominated';
  if (!facts.hasRemoteCredentials) return 'no_credentials';
  if (local.length === 0) return 'no_local_candidates';
  if (remote.length === 0) return 'no_remote_candidates';
  if (!shareFamily(local, remote)) return 'no_common_family';
  if (pairs.some(({ errorCode }) => errorCode !== undefined)) return 'refused';
  if (pairs.some(({ wrongIntegrity }) => wrongIntegrity > 0)) return 'wrong_integrity';
  return facts.inbound.requests > 0 ? 'one_way' : 'no_answer';
}

export function shareFamily(local: readonly Candidate[], remote: readonly Candidate[]): boolean {
  const families = new Set(local.map(({ endpoint }) => familyOf(endpoint.host)));
  return remote.some(({ endpoint }) => families.has(familyOf(endpoint.host)));
}

function reportCandidate({ kind, endpoint, base }: Candidate): CandidateReport {
  const report = { kind, endpoint: formatEndpoint(endpoint) };
  return base === undefined ? report : { ...report, base };
}

function reportPair(pair: CandidatePair, isSelected: boolean): PairReport {
  const { base, remote, requests, answers, rttMs, mapped, errorCode } = pair;
  return {
    base,
    remote: formatEndpoint(remote.endpoint),
    kind: remote.kind,
    outcome: isSelected ? 'selected' : outcomeOf(pair),
    requests,
    answers,
    ...(rttMs === undefined ? {} : { rttMs }),
    ...(mapped === undefined ? {} : { mapped: formatEndpoint(mapped) }),
    ...(errorCode === undefined ? {} : { errorCode }),
  };
}

function outcomeOf(pair: CandidatePair): PairOutcome {
  if (pair.state === 'succeeded') return 'valid';
  if (pair.requests === 0) return 'not_checked';
  if (pair.errorCode !== undefined) return 'refused';
  if (pair.wrongIntegrity > 0) return 'wrong_integrity';
  if (pair.state === 'failed') return 'no_answer';
  return pair.state === 'frozen' ? 'abandoned' : 'checking';
}
