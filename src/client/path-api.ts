/** Paths to peers, as the local API shows them. See `api.ts` for the manners. */

/** What carries a session: a relay, UDP between the two nodes, a data channel between them; empty: nothing. */
export type PathKind = 'relay' | 'direct' | 'webrtc' | '';

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
  readonly report: PathReport;
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
