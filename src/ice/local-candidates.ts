/** Our own candidates of an attempt: gathered ones, and addresses that the peer saw us have. */
import { type Candidate, familyOf, peerReflexivePriority } from './candidate.ts';
import { type CandidatePair, type LocalBase, pairKey } from './candidate-pair.ts';

export class LocalCandidates {
  readonly #known = new Map<string, Candidate>();

  get all(): readonly Candidate[] {
    return [...this.#known.values()];
  }

  /** The socket of a gathered candidate as pairs are formed with it. RangeError for one that has none. */
  add(candidate: Candidate): LocalBase {
    const { base, endpoint, priority, foundation } = candidate;
    const family = familyOf(endpoint.host);
    if (base === undefined || family === undefined) {
      throw new RangeError('a local candidate needs its socket and a numeric address');
    }
    const key = pairKey(base, endpoint);
    if (!this.#known.has(key)) this.#known.set(key, candidate);
    return { base, family, priority, foundation };
  }

  /** A candidate that a check of this pair has just shown; undefined when it was known. */
  discover({ base, local, mapped }: CandidatePair): Candidate | undefined {
    if (mapped === undefined) return undefined;
    const key = pairKey(base, mapped);
    if (this.#known.has(key)) return undefined;
    const found: Candidate = {
      kind: 'prflx',
      base,
      endpoint: mapped,
      priority: peerReflexivePriority(local.priority),
      foundation: local.foundation,
    };
    this.#known.set(key, found);
    return found;
  }
}
