/**
 * The STUN servers to ask, as numeric endpoints: those of the relays first, then the configured ones. Names
 * are resolved beside everything else: whoever asks gets what is known by now, and hears when there is more.
 *
 *     unknown ── look ──> asked ── an answer ──> known ── look, 10 min later ──> asked, and still known
 *        ^                  │
 *        └──── no answer ───┘
 *
 * There is one question at a time. A question takes one of the two threads that the system's resolver has in a
 * process, until it gives up after 10 s or more where nobody answers; the other is for the names of relays.
 */
import type { Cancel, Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import { familyOf } from '../../ice/candidate.ts';
import { endpointKey } from '../../ice/endpoint-key.ts';
import { MAX_STUN_SERVERS } from '../../ice/gatherer.ts';

export interface StunServersDeps {
  readonly clock: Clock;
  /** Names or numeric addresses. */
  readonly configured: readonly Endpoint[];
  /** Of the relays at which the node is logged in; names or numeric addresses. */
  readonly relayStunServers: () => readonly Endpoint[];
  /** The numeric addresses of a name; rejects when there are none. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
}

export interface StunServersHandlers {
  /** Every name is answered for, or `PATIENCE_MS` are over. `isNews`: the servers are others now. */
  settled(isNews: boolean): void;
}

/** So long a round of gathering is kept open for names. */
export const PATIENCE_MS = 2_000;
/** Servers move seldom, and one that does not answer is noticed. */
const MAX_AGE_MS = 10 * 60_000;
/** Of each address family: a second one is for when the first is down. */
const MAX_ADDRESSES = 2;

interface Name {
  addresses: readonly string[];
  /** Or is going to be. */
  isAsked: boolean;
  answeredMs: number | undefined;
}

export class StunServers {
  readonly #deps: StunServersDeps;
  readonly #handlers: StunServersHandlers;
  /** Bounded by `look`, which forgets what nobody names any more. */
  readonly #names = new Map<string, Name>();
  /** Names whose answers are waited for. */
  readonly #awaited = new Set<string>();
  /** To be asked next, in this order. */
  readonly #questions: { readonly name: string; readonly entry: Name }[] = [];
  #isAsking = false;
  #cancelPatience: Cancel | undefined;
  #hasNews = false;
  #isStopped = false;

  constructor(deps: StunServersDeps, handlers: StunServersHandlers) {
    this.#deps = deps;
    this.#handlers = handlers;
  }

  /** `settled` will be called. */
  get isWaiting(): boolean {
    return this.#cancelPatience !== undefined;
  }

  /** By name or address, known or not. */
  get wanted(): readonly Endpoint[] {
    const { relayStunServers, configured } = this.#deps;
    return [...relayStunServers(), ...configured].slice(0, MAX_STUN_SERVERS);
  }

  /** Numeric, each once. */
  get known(): readonly Endpoint[] {
    const known = this.wanted.flatMap(({ host, port }) => {
      if (familyOf(host) !== undefined) return [{ host, port }];
      const addresses = this.#names.get(host)?.addresses ?? [];
      return addresses.map((address) => ({ host: address, port }));
    });
    return [...new Map(known.map((server) => [endpointKey(server), server])).values()];
  }

  /** Asks for the names that are not known, or not lately. */
  look(): void {
    if (this.#isStopped) return;
    const names = new Set(
      this.wanted.map(({ host }) => host).filter((host) => familyOf(host) === undefined),
    );
    for (const [name, { isAsked }] of this.#names) {
      if (!names.has(name) && !isAsked) this.#names.delete(name);
    }
    const nowMs = this.#deps.clock.monotonic();
    for (const name of names) {
      const entry = this.#names.get(name) ?? {
        ...{ addresses: [], isAsked: false, answeredMs: undefined },
      };
      this.#names.set(name, entry);
      const isFresh = entry.answeredMs !== undefined && nowMs - entry.answeredMs < MAX_AGE_MS;
      if (!isFresh && !entry.isAsked) this.#want(name, entry);
    }
    this.#askNext();
  }

  /** What is known stays so until there is a better answer. */
  forget(): void {
    for (const entry of this.#names.values()) entry.answeredMs = undefined;
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
  }

  #want(name: string, entry: Name): void {
    entry.isAsked = true;
    this.#questions.push({ name, entry });
    this.#awaited.add(name);
    this.#cancelPatience ??= this.#deps.clock.after(PATIENCE_MS, () => {
      this.#settle();
    });
  }

  #askNext(): void {
    if (this.#isAsking || this.#isStopped) return;
    const next = this.#questions.shift();
    if (next === undefined) return;
    this.#isAsking = true;
    void this.#ask(next.name, next.entry).finally(() => {
      this.#isAsking = false;
      this.#askNext();
    });
  }

  async #ask(name: string, entry: Name): Promise<void> {
    let addresses: readonly string[] = [];
    try {
      addresses = firstOfEachFamily(await this.#deps.resolve(name));
    } catch {
      // As if the name had no address: what was known of it may still be true.
    }
    entry.isAsked = false;
    if (addresses.length > 0) {
      entry.answeredMs = this.#deps.clock.monotonic();
      this.#hasNews ||= addresses.join() !== entry.addresses.join();
      entry.addresses = addresses;
    }
    this.#awaited.delete(name);
    const isLate = !this.isWaiting;
    if (isLate ? this.#hasNews : this.#awaited.size === 0) this.#settle();
  }

  #settle(): void {
    if (this.#isStopped) return;
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    this.#awaited.clear();
    const isNews = this.#hasNews;
    this.#hasNews = false;
    this.#handlers.settled(isNews);
  }
}

/** In an order that does not change when only the answer's does. */
function firstOfEachFamily(addresses: readonly string[]): readonly string[] {
  const sorted = [...new Set(addresses)].sort();
  return (['v4', 'v6'] as const).flatMap((family) =>
    sorted.filter((address) => familyOf(address) === family).slice(0, MAX_ADDRESSES),
  );
}
