/**
 * Which pair is checked next (RFC 8445, 6.1.4.2): triggered ones in their order, then the best that waits.
 * Of pairs with one foundation a single one is tried at first; the others thaw when it is decided.
 */
import type { Endpoint } from '../base/endpoint.ts';
import { type Candidate, familyOf } from './candidate.ts';
import { CandidatePair, type LocalBase, pairKey, type PairState } from './candidate-pair.ts';
import type { IceRole } from './check-message.ts';
import { endpointKey } from './endpoint-key.ts';

/** RFC 8445, 6.1.2.5. */
export const MAX_PAIRS = 100;

export class CheckList {
  readonly #pairs = new Map<string, CandidatePair>();
  readonly #locals = new Map<string, LocalBase>();
  readonly #remotes = new Map<string, Candidate>();
  readonly #triggered = new Set<CandidatePair>();
  #role: IceRole;
  #floor: CandidatePair | undefined;
  #isClosed = false;

  constructor(role: IceRole) {
    this.#role = role;
  }

  /** In the order in which they were formed. */
  get pairs(): readonly CandidatePair[] {
    return [...this.#pairs.values()];
  }

  /** Priorities depend on it. */
  set role(role: IceRole) {
    this.#role = role;
  }

  /** From now on only pairs that are better are checked, and triggered ones. */
  set floor(pair: CandidatePair) {
    this.#floor = pair;
  }

  /** From now on only triggered pairs are checked. */
  close(): void {
    this.#isClosed = true;
  }

  pairOf(base: string, remote: Endpoint): CandidatePair | undefined {
    return this.#pairs.get(pairKey(base, remote));
  }

  /** A socket once more with a higher priority changes its pairs; with a lower one nothing. */
  addLocal(local: LocalBase): void {
    const known = this.#locals.get(local.base);
    if (known !== undefined && known.priority >= local.priority) return;
    this.#locals.set(local.base, local);
    for (const pair of this.#pairs.values()) if (pair.base === local.base) pair.local = local;
    for (const remote of this.#remotes.values()) this.#form(local, remote);
  }

  /** An endpoint once more changes what its pairs know of it. */
  addRemote(remote: Candidate): void {
    const key = endpointKey(remote.endpoint);
    this.#remotes.set(key, remote);
    for (const pair of this.#pairs.values()) {
      if (endpointKey(pair.remote.endpoint) === key) pair.remote = remote;
    }
    for (const local of this.#locals.values()) this.#form(local, remote);
  }

  hasLocal(base: string): boolean {
    return this.#locals.has(base);
  }

  /** To be checked before all that wait. */
  trigger(pair: CandidatePair): void {
    pair.state = 'waiting';
    this.#triggered.add(pair);
  }

  /** The pair to check now, taken from the queue; undefined when there is none. */
  next(): CandidatePair | undefined {
    for (const pair of this.#triggered) {
      this.#triggered.delete(pair);
      if (pair.state === 'waiting') return pair;
    }
    if (this.#isClosed) return undefined;
    let best = this.#best('waiting');
    if (best === undefined) {
      this.#thaw();
      best = this.#best('waiting');
    }
    const isWorthwhile =
      best !== undefined && (this.#floor === undefined || this.compare(best, this.#floor) > 0);
    return isWorthwhile ? best : undefined;
  }

  /** A pair succeeded: what is like it will probably too (RFC 8445, 7.2.5.3.3). */
  unfreezeLike(pair: CandidatePair): void {
    for (const other of this.#pairs.values()) {
      if (other.state === 'frozen' && other.foundation === pair.foundation) other.state = 'waiting';
    }
  }

  bestValid(): CandidatePair | undefined {
    return this.#best('succeeded');
  }

  /** Above zero when `a` is the better one. */
  compare(a: CandidatePair, b: CandidatePair): number {
    const difference = a.priorityAs(this.#role) - b.priorityAs(this.#role);
    return difference === 0n ? 0 : difference > 0n ? 1 : -1;
  }

  #best(state: PairState): CandidatePair | undefined {
    let best: CandidatePair | undefined;
    for (const pair of this.#pairs.values()) {
      if (pair.state !== state) continue;
      if (best === undefined || this.compare(pair, best) > 0) best = pair;
    }
    return best;
  }

  /** The best frozen pair of each foundation that nobody is trying. */
  #thaw(): void {
    const busy = new Set<string>();
    for (const { state, foundation } of this.#pairs.values()) {
      if (state === 'waiting' || state === 'in-progress') busy.add(foundation);
    }
    const frozen = this.pairs.filter(({ state }) => state === 'frozen');
    for (const pair of frozen.sort((a, b) => this.compare(b, a))) {
      if (busy.has(pair.foundation)) continue;
      busy.add(pair.foundation);
      pair.state = 'waiting';
    }
  }

  #form(local: LocalBase, remote: Candidate): void {
    if (this.#pairs.size >= MAX_PAIRS) return;
    if (local.family !== familyOf(remote.endpoint.host)) return;
    const pair = new CandidatePair(local, remote);
    if (this.#pairs.has(pair.key)) return;
    pair.state = this.#stateOfNew(pair);
    this.#pairs.set(pair.key, pair);
  }

  /** RFC 8838, 12: frozen only behind a pair of its foundation that is not decided yet. */
  #stateOfNew(pair: CandidatePair): 'frozen' | 'waiting' {
    const alike = this.pairs.filter(({ foundation }) => foundation === pair.foundation);
    if (alike.some(({ state }) => state === 'succeeded')) return 'waiting';
    return alike.some(({ isOpen }) => isOpen) ? 'frozen' : 'waiting';
  }
}
