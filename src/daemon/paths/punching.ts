/**
 * What one attempt does about NATs that give each flow another port: a `HardNatAttempt`, as soon as what both
 * sides know of their NATs says that checks alone may not do; and the sockets that it opens.
 *
 *     extra sockets   opened while punching ──> closed, but for the selected one ──> closed with its link
 */
import type { Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import type { RandomBytes } from '../../base/random.ts';
import { planHardNat } from '../../ice/hard-nat.ts';
import { HardNatAttempt } from '../../ice/hard-nat-attempt.ts';
import type { PunchBudget } from '../../ice/hard-nat-budget.ts';
import type { PunchMessage } from '../../ice/hard-nat-message.ts';
import type { IceAgent } from '../../ice/ice-agent.ts';
import type { NatReport } from '../../ice/nat-behaviour.ts';
import { isNatSummary, type NatSummary, summarizeNat, UNKNOWN_NAT } from '../../ice/nat-summary.ts';
import type { StunRouter } from '../../ice/stun-router.ts';
import type { Underlay } from './underlay.ts';

export interface PunchingDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly network: {
    readonly underlay: Underlay;
    readonly router: StunRouter;
    readonly natReport: NatReport | undefined;
    readonly stunServers: readonly Endpoint[];
    readonly punchBudget: PunchBudget;
  };
  readonly agent: Pick<IceAgent, 'punch' | 'selected'>;
  /** The side that offered. */
  readonly asks: boolean;
  readonly allowLoopback: boolean;
  readonly tell: (message: PunchMessage) => void;
}

/** The socket that summaries are about. */
const BASE = 'v4';

export class Punching {
  readonly #deps: PunchingDeps;
  /** What was told last. */
  #ours: NatSummary = UNKNOWN_NAT;
  #theirs: NatSummary = UNKNOWN_NAT;
  #hard: HardNatAttempt | undefined;
  readonly #sockets = new Set<string>();
  #isClosed = false;

  constructor(deps: PunchingDeps) {
    this.#deps = deps;
  }

  /** Ports are guessed, or will be: the peer may be found though every check has failed. */
  get isPlanned(): boolean {
    const { state, why } = this.#hard?.report ?? {};
    return state === 'punching' || (state === 'idle' && why === undefined);
  }

  /** Why guessing did not help, or was not tried; undefined when it would not have been of use. */
  get why(): string | undefined {
    const report = this.#hard?.report;
    const { text, why } = report ?? { why: undefined, ...planHardNat(this.#ours, this.#theirs) };
    return why === 'not_needed' ? undefined : text;
  }

  /** Our NAT, to be told to the peer; undefined when that would be what it was told before. */
  takeNews(): NatSummary | undefined {
    const { natReport } = this.#deps.network;
    const found = natReport === undefined ? UNKNOWN_NAT : summarizeNat(natReport, BASE);
    const ours = isNatSummary(found) ? found : UNKNOWN_NAT;
    if (JSON.stringify(ours) === JSON.stringify(this.#ours)) return undefined;
    this.#ours = ours;
    this.#consider();
    return ours;
  }

  /** The peer's NAT. */
  learn(theirs: NatSummary): void {
    this.#theirs = theirs;
    this.#consider();
  }

  receive(message: PunchMessage): void {
    if (!this.#isClosed) this.#attempt().receive(message);
  }

  /** The agent has a pair. */
  selected(): void {
    this.#hard?.selected();
  }

  /** Nothing is sent or told any more; of the sockets the selected one stays. May be called twice. */
  close(): void {
    this.#isClosed = true;
    this.#hard?.close();
  }

  /** After `close`: the link over the selected socket is closed, too. */
  releaseSocket(): void {
    this.#closeSockets();
  }

  #consider(): void {
    if (this.#isClosed) return;
    const isHard = planHardNat(this.#ours, this.#theirs).kind !== 'none';
    if (isHard || this.#hard !== undefined) this.#attempt().consider(this.#ours, this.#theirs);
  }

  #attempt(): HardNatAttempt {
    if (this.#hard !== undefined) return this.#hard;
    const { network, clock, random, agent, tell, asks, allowLoopback } = this.#deps;
    const { underlay, router, punchBudget: budget, stunServers: servers } = network;
    const hard = new HardNatAttempt(
      {
        ...{ clock, random, router, agent, budget, tell },
        send: (bytes, base, to) => {
          underlay.send(bytes, base, to);
        },
        sockets: {
          open: (count) => {
            const opened = underlay.openExtra(count);
            for (const base of opened) this.#sockets.add(base);
            return opened;
          },
          close: (keep) => {
            this.#closeSockets(keep);
          },
        },
      },
      { asks, base: BASE, servers, allowLoopback },
    );
    hard.consider(this.#ours, this.#theirs);
    this.#hard = hard;
    return hard;
  }

  #closeSockets(keep?: string): void {
    const bases = [...this.#sockets].filter((base) => base !== keep);
    for (const base of bases) this.#sockets.delete(base);
    if (bases.length > 0) this.#deps.network.underlay.closeExtra(bases);
  }
}
