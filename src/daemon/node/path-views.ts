/** What the local API shows of paths. */
import type {
  PathChange,
  PathFailure as PathFailureView,
  PathReport,
  PathView,
} from '../../client/api.ts';
import type { CandidateReport, IceReport, PairReport } from '../../ice/ice-report.ts';
import type { PathFailure } from '../paths/path-finder.ts';
import type { CurrentPath } from '../paths/peer-paths.ts';
import type { Peer } from '../peers/peer.ts';

/** Of the session that is open; undefined: there is no such peer any more. */
export function peerPathView(peer: Peer | undefined): PathView {
  const path = peer?.state === 'connected' ? peer.path : undefined;
  if (peer === undefined || path === undefined) {
    const empty = { path: '', endpoint: '', rtt_ms: null, path_since: '' } as const;
    return { ...empty, why_not_direct: 'there is no session with it', alarms: [] };
  }
  return {
    path: path.kind,
    endpoint: path.endpoint,
    rtt_ms: peer.paths.rttMs ?? null,
    path_since: new Date(path.sinceMs).toISOString(),
    why_not_direct: peer.paths.whyNotDirect,
    alarms: peer.paths.alarms.map(({ kind, text }) => ({ alarm: kind, text })),
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
    rtt_ms: peer === undefined || path === undefined ? null : (peer.paths.rttMs ?? null),
    reason: path?.reason ?? 'there is none',
    before: before?.kind ?? '',
  };
}

/** `alarm`: there should be a direct path, and is none. */
export function pathFailureView(failure: PathFailure, alarm: boolean): PathFailureView {
  const { code, text, wasUp, report } = failure;
  return { code, text, was_in_use: wasUp, alarm, report: reportView(report) };
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
