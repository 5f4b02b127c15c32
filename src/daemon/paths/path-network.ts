import type { Endpoint } from '../../base/endpoint.ts';
import type { Emitter } from '../../base/events.ts';
import type { Candidate } from '../../ice/candidate.ts';
import type { PunchBudget } from '../../ice/hard-nat-budget.ts';
import type { NatReport } from '../../ice/nat-behaviour.ts';
import type { StunRouter } from '../../ice/stun-router.ts';
import type { Underlay } from './underlay.ts';

export interface NetworkEvents {
  /** One more address at which this host may be reached. */
  readonly candidate: Candidate;
  /** No more are to come for now. */
  readonly gathered: object;
  /** What was found out about the NAT in between. */
  readonly nat: NatReport;
  /** A path in use has gone silent: perhaps all of our network has. */
  readonly suspected: object;
  /** The candidates before are void. */
  readonly changed: { readonly reason: string };
}

/** What attempts need of the node's network. */
export interface PathNetwork {
  readonly underlay: Underlay;
  readonly router: StunRouter;
  readonly candidates: readonly Candidate[];
  readonly isGathered: boolean;
  readonly natReport: NatReport | undefined;
  /** Numeric: those that are asked about the NAT. */
  readonly stunServers: readonly Endpoint[];
  readonly punchBudget: PunchBudget;
  /** Makes sure that what is known is not old: a NAT may have forgotten it. */
  freshen(): void;
  /** A path in use does not answer. */
  suspect(): void;
  readonly events: Pick<Emitter<NetworkEvents>, 'on'>;
}
