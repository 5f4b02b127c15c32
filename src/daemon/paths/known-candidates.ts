/** What is told to peers, held against what each round of gathering finds. Pure. */
import { type Candidate, MAX_REMOTE_CANDIDATES } from '../../ice/candidate.ts';
import { endpointKey, hostKey } from '../../ice/endpoint-key.ts';

/**
 * - `known`: nothing is new; also when there is no room
 * - `port`: one more port of an address that is known, or instead of the port before
 * - `added`: an address beside those that there are
 * - `moved`: another outer address than the rounds before have found
 */
export type Finding = 'known' | 'port' | 'added' | 'moved';

export class KnownCandidates {
  #all: readonly Candidate[] = [];
  /** Found by the present round. */
  readonly #seen = new Set<string>();
  readonly #doubted = new Set<string>();

  /** At most as many as a peer looks at. */
  get all(): readonly Candidate[] {
    return this.#all;
  }

  /** Begins a round. True: the host's own addresses are others, and all that was known before is void. */
  begin(hosts: readonly Candidate[]): boolean {
    const before = new Set(this.#all.filter(isHost).map(keyOf));
    const now = new Set(hosts.map(keyOf));
    this.#seen.clear();
    for (const key of now) this.#seen.add(key);
    if (before.size === now.size && [...now].every((key) => before.has(key))) return false;
    this.#all = hosts.slice(0, MAX_REMOTE_CANDIDATES);
    return true;
  }

  add(candidate: Candidate): Finding {
    const key = keyOf(candidate);
    if (this.#all.some((known) => keyOf(known) === key)) {
      this.#seen.add(key);
      return 'known';
    }
    const address = addressOf(candidate);
    const isKnownAddress = this.#all.some((known) => addressOf(known) === address);
    const rest = this.#all.filter((known) => !this.#isOvertaken(known, candidate));
    if (rest.length >= MAX_REMOTE_CANDIDATES) return 'known';
    const hasReplaced = rest.length < this.#all.length;
    this.#all = [...rest, candidate];
    this.#seen.add(key);
    if (isKnownAddress) return 'port';
    return hasReplaced ? 'moved' : 'added';
  }

  /** It goes with the end of the round that does not find it, whatever `end` is told to keep. */
  doubt(candidate: Pick<Candidate, 'base' | 'endpoint'>): void {
    this.#doubted.add(keyOf(candidate));
  }

  /**
   * Ends a round: what it did not find goes, but outer addresses of the sockets of which it found out nothing.
   * True: an address is gone.
   */
  end(isKept: (base: string) => boolean): boolean {
    const all = this.#all.filter((candidate) => {
      const key = keyOf(candidate);
      if (this.#seen.has(key)) return true;
      return !isHost(candidate) && !this.#doubted.has(key) && isKept(candidate.base ?? '');
    });
    const addresses = new Set(all.map(addressOf));
    const isGone = this.#all.some((candidate) => !addresses.has(addressOf(candidate)));
    this.#all = all;
    this.#doubted.clear();
    return isGone;
  }

  /** An outer endpoint of the same socket that this round has not found: there is a later one now. */
  #isOvertaken(known: Candidate, by: Candidate): boolean {
    return !isHost(known) && known.base === by.base && !this.#seen.has(keyOf(known));
  }
}

function isHost({ kind }: Candidate): boolean {
  return kind === 'host';
}

function keyOf({ base, endpoint }: Pick<Candidate, 'base' | 'endpoint'>): string {
  return `${base ?? ''} ${endpointKey(endpoint)}`;
}

function addressOf({ base, kind, endpoint }: Candidate): string {
  return `${base ?? ''} ${kind} ${hostKey(endpoint)}`;
}
