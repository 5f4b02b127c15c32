/** What an `IceAgent` needs, tells, and can be told otherwise. */
import type { Endpoint } from '../base/endpoint.ts';
import type { RandomBytes } from '../base/random.ts';
import type { Candidate } from './candidate.ts';
import { type ConsentSettings, QUICK_CONSENT } from './consent.ts';
import type { IceReport } from './ice-report.ts';
import { STUN_TIMERS, type StunTimers, type StunTransactionDeps } from './stun-transaction.ts';

export interface IceAgentDeps extends StunTransactionDeps {
  readonly random: RandomBytes;
}

export interface SelectedPair {
  readonly base: string;
  readonly remote: Candidate;
  /** Our own address as the peer saw it. */
  readonly mapped: Endpoint | undefined;
  readonly rttMs: number | undefined;
}

/** Of the selected pair, by the probes of its consent. */
export interface PathQuality {
  /** Smoothed; undefined while it is not known. */
  readonly rttMs: number | undefined;
  /** 0 to 1: of the last probes, those that had no answer. */
  readonly loss: number;
  /** Since when a sign of life is awaited in vain; 0 when none is due. */
  readonly silentMs: number;
}

export interface IceAgentHandlers {
  /** Peer-reflexive, found by a check: an address of the peer's, or of ours. */
  readonly candidate?: (candidate: Candidate, side: 'local' | 'remote') => void;
  /** Both sides use this pair from now on. Comes again when a better one is found. */
  readonly selected: (pair: SelectedPair) => void;
  /** The quality of the selected pair may be another: a probe has left, or was answered. */
  readonly probed?: () => void;
  /** Once, instead of `selected`; the agent is closed. */
  readonly failed: (report: IceReport) => void;
  /** The selected pair is dead, or the peer is gone; the agent is closed. */
  readonly consentLost: (report: IceReport) => void;
}

export interface IceAgentSettings {
  /** Ta: between two new checks (RFC 8445, 14.2). */
  readonly taMs: number;
  readonly checkTimers: StunTimers;
  readonly nominationTimers: StunTimers;
  /** From the first valid pair until one is nominated while a better one is still tried. */
  readonly settleMs: number;
  /** Then the attempt has failed, or what was selected stays. */
  readonly attemptMs: number;
  readonly consent: ConsentSettings;
  /** Several hosts on one machine: in tests and demonstrations. */
  readonly allowLoopback: boolean;
}

export const ICE_DEFAULTS: IceAgentSettings = {
  taMs: 50,
  checkTimers: STUN_TIMERS,
  // A valid pair has answered before: 5 requests in 3.75 s; after 4.75 s it is another pair's turn.
  nominationTimers: { rtoMs: 250, maxRequests: 5, lastWaitFactor: 4 },
  // Some two round trips across a country, four within one.
  settleMs: 200,
  // Six requests of a check go out in 15.5 s; no mapping that a check opened is older than 30 s.
  attemptMs: 20_000,
  consent: QUICK_CONSENT,
  allowLoopback: false,
};
