/** Paths to peers, as the local API shows them. See `api.ts` for the manners. */

/** What carries a session: a relay, UDP between the two nodes, a data channel between them; empty: nothing. */
export type PathKind = 'relay' | 'direct' | 'webrtc' | '';

/** How a session with a peer goes now. */
export interface PathView {
  /** Which link carries it; empty when none does. */
  readonly path: PathKind;
  /** The relay's URL, or the remote address of a direct path. */
  readonly endpoint: string;
  readonly rtt_ms: number | null;
  /** RFC 3339: since when this path carries it; empty when none does. */
  readonly path_since: string;
  /** In words; empty when the path is direct. */
  readonly why_not_direct: string;
  /** What somebody should look at. */
  readonly alarms: readonly PathAlarm[];
}

/** `path.opened`, `path.changed`: what carries the session from now on. */
export interface PathChange {
  /** `direct` or `webrtc` when it was opened; empty when nothing carries it. */
  readonly path: PathKind;
  /** The relay's URL, or the remote address of a direct path. */
  readonly endpoint: string;
  readonly rtt_ms: number | null;
  /** Why this one, in words. */
  readonly reason: string;
  readonly before: PathKind;
}

/** `path.failed`: an attempt came to nothing, or a direct path was lost. */
export interface PathFailure {
  /** `no_answer`, `consent_lost`, …; more may come. */
  readonly code: string;
  /** The same in words. */
  readonly text: string;
  /** The session had gone over it. */
  readonly was_in_use: boolean;
  /** A direct path is required, and there is none: `path.alarm` has been told. */
  readonly alarm: boolean;
  readonly report: PathReport;
}

/**
 * - `no_direct_path`: `nat_traversal` is `required`, and no direct path was found
 * - `slow_path`: the path in use takes longer than `max_latency_ms`
 */
export type PathAlarmKind = 'no_direct_path' | 'slow_path';

/** An alarm that stands for a peer. */
export interface PathAlarm {
  readonly alarm: PathAlarmKind;
  /** Why, in words. */
  readonly text: string;
}

/** `path.alarm`: once when it is raised, and once when that is over. */
export interface PathAlarmChange extends PathAlarm {
  readonly raised: boolean;
}

/** Events, with the names of the peer. */
export interface PathEvents<Names> {
  /** A direct path carries the session. */
  readonly 'path.opened': Names & PathChange;
  /** Another path carries it, or none. */
  readonly 'path.changed': Names & PathChange;
  readonly 'path.failed': Names & PathFailure;
  readonly 'path.alarm': Names & PathAlarmChange;
}

/** What an attempt tried. */
export interface PathReport {
  readonly state: string;
  readonly role: 'controlling' | 'controlled';
  readonly duration_ms: number;
  /** Addresses of this node that the peer was told. */
  readonly local: readonly PathCandidate[];
  /** Those of the peer. */
  readonly remote: readonly PathCandidate[];
  /** Of the peer's candidates those that are not used, counted by the reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly pairs: readonly PathPair[];
  /** Checks that came from the peer. */
  readonly inbound: {
    readonly requests: number;
    readonly wrong_integrity: number;
    readonly refused: number;
    readonly dropped: number;
  };
  /** Checks toward addresses that were only guessed. */
  readonly punches: number;
}

export interface PathCandidate {
  readonly kind: 'host' | 'srflx' | 'prflx';
  readonly endpoint: string;
}

export interface PathPair {
  /** The local socket: `v4`, `v6`. */
  readonly base: string;
  readonly remote: string;
  readonly kind: PathCandidate['kind'];
  /** `selected`, `valid`, `no_answer`, `refused`, …; more may come. */
  readonly outcome: string;
  readonly requests: number;
  readonly answers: number;
  readonly rtt_ms: number | null;
}

/** What came of looking for a direct path for 10 s at most. */
export interface PreferDirect {
  readonly path: PathKind;
  readonly endpoint: string;
  readonly rtt_ms: number | null;
  /** In words; empty when the path is direct. */
  readonly why_not_direct: string;
  /** There was a session before. */
  readonly had_tunnel: boolean;
  /** It went over a relay. */
  readonly was_relay_active: boolean;
}
