/**
 * The peer's candidates that we will send to. The bounds make a hostile peer's list useless as a port
 * scanner: the first 10 signalled ones that are fit, and 10 that its authenticated requests came from.
 */
import type { Endpoint } from '../base/endpoint.ts';
import { plainHost } from '../base/ip-address.ts';
import {
  type Candidate,
  type CandidateRefusal,
  candidateRefusal,
  isUsableRemote,
  MAX_REMOTE_CANDIDATES,
  type RemoteRules,
} from './candidate.ts';
import { endpointKey, hostKey } from './endpoint-key.ts';

export const MAX_PEER_REFLEXIVE = 10;

export type RemoteRefusal = CandidateRefusal | 'duplicate' | 'too_many';

export class RemoteCandidates {
  readonly #known = new Map<string, Candidate>();
  readonly #refused: Partial<Record<RemoteRefusal, number>> = {};
  readonly #rules: () => RemoteRules;
  #signalled = 0;
  #peerReflexive = 0;

  constructor(rules: () => RemoteRules) {
    this.#rules = rules;
  }

  get all(): readonly Candidate[] {
    return [...this.#known.values()];
  }

  /** How many were refused, by the reason. */
  get refused(): Readonly<Partial<Record<RemoteRefusal, number>>> {
    return this.#refused;
  }

  /** What was signalled, when it is used: new, or known from a check until now. */
  signal(candidate: Candidate): Candidate | undefined {
    const refusal = this.#refusalOf(candidate);
    if (refusal !== undefined) {
      this.#count(refusal);
      return undefined;
    }
    this.#signalled++;
    const { kind, priority, foundation } = candidate;
    // IPv4 written as IPv6 would be sent to from the wrong socket.
    const endpoint = { host: plainHost(candidate.endpoint.host), port: candidate.endpoint.port };
    const remote: Candidate = { kind, endpoint, priority, foundation };
    this.#known.set(endpointKey(endpoint), remote);
    return remote;
  }

  /** The candidate that an authenticated request came from, perhaps new; undefined when there are too many. */
  discover(
    endpoint: Endpoint,
    priority: number,
  ): { readonly candidate: Candidate; readonly isNew: boolean } | undefined {
    const key = endpointKey(endpoint);
    const known = this.#known.get(key);
    if (known !== undefined) return { candidate: known, isNew: false };
    if (this.#peerReflexive >= MAX_PEER_REFLEXIVE) {
      this.#count('too_many');
      return undefined;
    }
    this.#peerReflexive++;
    // Of its own, different from all others (RFC 8445, 7.3.1.3); a peer's cannot have a colon.
    const foundation = `prflx:${this.#peerReflexive}`;
    const candidate: Candidate = { kind: 'prflx', endpoint, priority, foundation };
    this.#known.set(key, candidate);
    return { candidate, isNew: true };
  }

  /** Whether a candidate is at this host, and we may send to this port of it. */
  isAtCandidate(endpoint: Endpoint): boolean {
    if (!this.isUsableSource(endpoint)) return false;
    const key = hostKey(endpoint);
    return this.all.some((candidate) => hostKey(candidate.endpoint) === key);
  }

  /** Whether an answer may go there at all: the source of a request is what its sender likes. */
  isUsableSource(endpoint: Endpoint): boolean {
    return isUsableRemote(endpoint, this.#rules());
  }

  #refusalOf(candidate: Candidate): RemoteRefusal | undefined {
    if (this.#signalled >= MAX_REMOTE_CANDIDATES) return 'too_many';
    const refusal = candidateRefusal(candidate, this.#rules());
    if (refusal !== undefined) return refusal;
    const known = this.#known.get(endpointKey(candidate.endpoint));
    return known === undefined || known.kind === 'prflx' ? undefined : 'duplicate';
  }

  #count(reason: RemoteRefusal): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }
}
