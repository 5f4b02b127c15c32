/** What became of paths since the node started, under few labels: a peer cannot make more of them. */
import type { IceFailure } from '../../ice/ice-report.ts';
import type { Link } from '../../session/link.ts';
import type { PathFailure } from '../paths/path-finder.ts';

const KNOWN_CODES: Readonly<Record<IceFailure, true>> & Readonly<Record<string, true>> = {
  no_credentials: true,
  no_local_candidates: true,
  no_remote_candidates: true,
  no_common_family: true,
  no_answer: true,
  one_way: true,
  wrong_integrity: true,
  refused: true,
  not_nominated: true,
  consent_lost: true,
  bad_credentials: true,
  link_failed: true,
  no_common_transport: true,
};

export class PathCounters {
  /** By what carries a session from then on: `direct`, `relay`, `webrtc`, `none`. */
  readonly changes = new Map<string, number>();
  /** By `succeeded`, or why they did not. */
  readonly attempts = new Map<string, number>();
  /** Of direct paths that had been in use, by the reason. */
  readonly losses = new Map<string, number>();

  changed(kind: Link['kind'] | undefined): void {
    add(this.changes, kind ?? 'none');
    if (kind === 'direct' || kind === 'webrtc') add(this.attempts, 'succeeded');
  }

  failed({ code, wasUp }: Pick<PathFailure, 'code' | 'wasUp'>): void {
    add(wasUp ? this.losses : this.attempts, labelOf(code));
  }
}

/** What a peer says of its reasons, and how transports call theirs, is not counted word by word. */
function labelOf(code: string): string {
  if (Object.hasOwn(KNOWN_CODES, code)) return code;
  if (code.startsWith('peer_')) return 'ended_by_peer';
  return code.startsWith('link_') ? 'link_closed' : 'other';
}

function add(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}
