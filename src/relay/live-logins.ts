import { BoundedMap } from '../base/bounded-map.ts';
import { equalBytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';

/**
 * What happens when an identity logs in that is logged in already, from another process:
 * `newest`: the new one stays and the old one goes; `oldest`: the other way round; `refuse`: both go, and
 * for a while nobody may use the identity, since one of the two has a copied key.
 */
export const DUPLICATE_POLICIES = ['newest', 'oldest', 'refuse'] as const;
export type DuplicatePolicy = (typeof DUPLICATE_POLICIES)[number];

const QUARANTINE_MS = 60_000;
const MAX_QUARANTINED = 10_000;

export interface LiveLogin {
  /** The node's first public key, as a map key. */
  readonly key: string;
  /** The same for all connections of one process of the node. */
  readonly instance: Uint8Array;
  /** Another process logged in, or tried to. */
  duplicateSeen(): void;
  /** Another connection takes this one's place, or both go: let go of everything at once. */
  displaced(): void;
}

export type Admission = 'admitted' | 'admitted_duplicate' | 'duplicate';

/** One live login for each identity. */
export class LiveLogins {
  readonly #policy: DuplicatePolicy;
  readonly #clock: Clock;
  readonly #live = new Map<string, LiveLogin>();
  readonly #quarantinedUntilMs = new BoundedMap<string, number>(MAX_QUARANTINED);

  constructor(policy: DuplicatePolicy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  get size(): number {
    return this.#live.size;
  }

  admit(login: LiveLogin): Admission {
    const nowMs = this.#clock.monotonic();
    if ((this.#quarantinedUntilMs.get(login.key) ?? 0) > nowMs) return 'duplicate';
    this.#quarantinedUntilMs.delete(login.key);
    const live = this.#live.get(login.key);
    // A node that lost its connection comes back before the relay has noticed.
    const isDuplicate = live !== undefined && !equalBytes(live.instance, login.instance);
    if (isDuplicate) live.duplicateSeen();
    if (isDuplicate && this.#policy === 'oldest') return 'duplicate';
    if (isDuplicate && this.#policy === 'refuse') {
      this.#quarantinedUntilMs.set(login.key, nowMs + QUARANTINE_MS);
      this.#live.delete(login.key);
      live.displaced();
      return 'duplicate';
    }
    this.#live.set(login.key, login);
    live?.displaced();
    return isDuplicate ? 'admitted_duplicate' : 'admitted';
  }

  release(login: LiveLogin): void {
    if (this.#live.get(login.key) === login) this.#live.delete(login.key);
  }
}
