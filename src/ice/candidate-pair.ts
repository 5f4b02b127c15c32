/**
 * A pair of a local socket and a remote endpoint, and how its checks went (RFC 8445, 6.1.2.6):
 *
 *     frozen ──> waiting ──> in-progress ──> succeeded
 *                   ^             │    └───> failed
 *                   └─────────────┴── a request of the peer came over it (triggered check)
 *
 * Our sockets are bound to every interface, so local candidates of one socket give one pair: what RFC 8445,
 * 6.1.2.4 calls pruning. The best of them stands for the pair.
 */
import type { Endpoint } from '../base/endpoint.ts';
import type { Candidate, IpFamily } from './candidate.ts';
import type { IceRole } from './check-message.ts';
import { endpointKey } from './endpoint-key.ts';

export type PairState = 'frozen' | 'waiting' | 'in-progress' | 'succeeded' | 'failed';

/** A local socket and what is known to reach it. */
export interface LocalBase {
  readonly base: string;
  readonly family: IpFamily;
  readonly priority: number;
  readonly foundation: string;
}

/** RFC 8445, 6.1.2.3: needs 64 bits. */
export function pairPriority(controlling: number, controlled: number): bigint {
  const low = BigInt(Math.min(controlling, controlled));
  const high = BigInt(Math.max(controlling, controlled));
  return (low << 32n) + 2n * high + (controlling > controlled ? 1n : 0n);
}

export function pairKey(base: string, remote: Endpoint): string {
  return `${base} ${endpointKey(remote)}`;
}

export class CandidatePair {
  readonly base: string;
  readonly key: string;
  /** Changes when a better candidate of the same socket becomes known. */
  local: LocalBase;
  /** Changes when the peer signals what a check had shown before. */
  remote: Candidate;
  state: PairState = 'frozen';
  /** The controlling peer nominated it before it was valid. */
  isNominated = false;
  /** Our own address as the peer saw it. */
  mapped: Endpoint | undefined;
  /** The round trip of the last answer that leaves no doubt which request it answers. */
  rttMs: number | undefined;
  requests = 0;
  answers = 0;
  wrongIntegrity = 0;
  /** The last error answer, authenticated. */
  errorCode: number | undefined;

  constructor(local: LocalBase, remote: Candidate) {
    this.base = local.base;
    this.key = pairKey(local.base, remote.endpoint);
    this.local = local;
    this.remote = remote;
  }

  /** Pairs of one foundation probably work or fail alike (RFC 8445, 6.1.2.6). */
  get foundation(): string {
    return `${this.local.foundation} ${this.remote.foundation}`;
  }

  /** Whether it may still become valid without the peer's doing. */
  get isOpen(): boolean {
    return this.state !== 'succeeded' && this.state !== 'failed';
  }

  priorityAs(role: IceRole): bigint {
    return role === 'controlling'
      ? pairPriority(this.local.priority, this.remote.priority)
      : pairPriority(this.remote.priority, this.local.priority);
  }
}
