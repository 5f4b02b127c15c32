/** What the local API shows of paths. */
import type {
  PathChange,
  PathFailure as PathFailureView,
  PathKind,
  PathReport,
} from '../client/api.ts';
import type { CandidateReport, IceReport, PairReport } from '../ice/ice-report.ts';
import type { PathFailure } from './paths/path-finder.ts';
import type { CurrentPath } from './paths/peer-paths.ts';
import type { Peer } from './peer.ts';

interface PeerPathView {
  readonly path: PathKind;
  readonly endpoint: string;
  readonly rtt_ms: number | null;
  readonly path_since: string;
  readonly why_not_direct: string;
}

/** Of the session that is open; undefined: there is no such peer any more. */
export function peerPathView(peer: Peer | undefined): PeerPathView {
  const path = peer?.state === 'connected' ? peer.path : undefined;
  if (peer === undefined || path === undefined) {
    const empty = { path: '', endpoint: '', rtt_ms: null, path_since: '' } as const;
    return { ...empty, why_not_direct: 'there is no session with it' };
  }
  return {
    path: path.kind,
    endpoint: path.endpoint,
    rtt_ms: rttOf(peer),
    path_since: new Date(path.sinceMs).toISOString(),
    why_not_direct: peer.paths.whyNotDirect,
  };
}

export function pathChangeView(
  peer: Peer | undefined,
  path: CurrentPath | undefined,
  before: CurrentPath | undefined,
): PathChange {
  return {
    path: path?.kind ?? '',
    endpoint: path?.endpoint ?? '',
    rtt_ms: peer === undefined || path === undefined ? null : rttOf(peer),
    reason: path?.reason ?? 'there is none',
    before: before?.kind ?? '',
  };
}

export function pathFailureView({ code, text, wasUp, report }: PathFailure): PathFailureView {
  return { code, text, was_in_use: wasUp, report: reportView(report) };
}

/** What the transport measures; pings in the session, which may have begun on another path, tell the rest. */
function rttOf({ paths, session }: Peer): number | null {
  return paths.rttMs ?? session.rttMs ?? null;
}

function reportView(report: IceReport): PathReport {
  const { state, role, durationMs, local, remote, refused, pairs, inbound, punches } = report;
  const { requests, wrongIntegrity, refused: refusedRequests, dropped } = inbound;
  return {
    ...{ state, role, duration_ms: durationMs, punches },
    local: local.map(candidateView),
    remote: remote.map(candidateView),
    refused,
    pairs: pairs.map(pairView),
    inbound: { requests, wrong_integrity: wrongIntegrity, refused: refusedRequests, dropped },
  };
}

function candidateView({ kind, endpoint }: CandidateReport): PathReport['local'][number] {
  return { kind, endpoint };
}

function pairView({ rttMs, ...pair }: PairReport): PathReport['pairs'][number] {
  const { base, remote, kind, outcome, requests, answers } = pair;
  return { base, remote, kind, outcome, requests, answers, rtt_ms: rttMs ?? null };
}
