/**
 * One side's part of one round.
 *
 *     open     sockets, a datagram from each ──> told `opened` ──> as long as the other probes ──> over
 *     probe    waits for the peer's `opened` ──> probes ──> a moment for answers ──> over
 *     both     sockets, a datagram from each ──────────────> a moment for answers ──> over
 */
import type { Cancel, Clock } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import type { RandomBytes } from '../base/random.ts';
import type { HardNatPlan } from './hard-nat.ts';
import { nextPorts, randomPorts } from './hard-nat-ports.ts';
import { fireVolley } from './hard-nat-volley.ts';

export type RoundPlan = Exclude<HardNatPlan, { readonly kind: 'none' }>;

export interface RoundDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** The socket that probes. */
  readonly base: string;
  /** New sockets by name, perhaps fewer than wanted. */
  readonly open: (count: number) => readonly string[];
  /** False when no more may be sent. */
  readonly punch: (base: string, to: Endpoint) => boolean;
}

export interface RoundHandlers {
  /** The peer's turn. */
  readonly opened: () => void;
  /** The last thing told. */
  readonly over: () => void;
}

interface Shot {
  readonly base: string;
  readonly to: Endpoint;
}

const PROBES_PER_SECOND = 500;
/** Each opens one entry in our own router, and goes to one endpoint. */
const OPENINGS_PER_SECOND = 1000;
/** Some two round trips around the world: check, and check back. */
const LINGER_MS = 1000;
/** One way through a relay, and the time that the peer opens for, with much to spare. */
const OPENED_WITHIN_MS = 3000;

export class PunchRound {
  readonly #deps: RoundDeps;
  readonly #plan: RoundPlan;
  readonly #handlers: RoundHandlers;
  #isWaiting = false;
  #cancel: Cancel = () => undefined;

  constructor(deps: RoundDeps, plan: RoundPlan, handlers: RoundHandlers) {
    this.#deps = deps;
    this.#plan = plan;
    this.#handlers = handlers;
  }

  start(): void {
    const plan = this.#plan;
    if (plan.kind === 'birthday-probe' || plan.kind === 'predict-probe') {
      this.#isWaiting = true;
      this.#endAfter(OPENED_WITHIN_MS);
      return;
    }
    const { to, sockets, largestVolley } = plan;
    const shots = this.#deps.open(sockets).map((base) => ({ base, to }));
    this.#fire(shots, OPENINGS_PER_SECOND, () => {
      if (plan.kind === 'predict-both') {
        this.#endAfter(LINGER_MS);
      } else {
        this.#endAfter((largestVolley * 1000) / PROBES_PER_SECOND + LINGER_MS);
        this.#handlers.opened();
      }
    });
  }

  /** Once is enough. */
  peerOpened(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#cancel();
    this.#fire(this.#probes(), PROBES_PER_SECOND, () => {
      this.#endAfter(LINGER_MS);
    });
  }

  /** Nothing is sent or told any more. */
  cancel(): void {
    this.#isWaiting = false;
    this.#cancel();
  }

  #probes(): readonly Shot[] {
    const { random, base } = this.#deps;
    const plan = this.#plan;
    if (plan.kind !== 'birthday-probe' && plan.kind !== 'predict-probe') return [];
    const { host, probes } = plan;
    const ports =
      plan.kind === 'predict-probe' ? nextPorts(plan.after, probes) : randomPorts(random, probes);
    return ports.map((port) => ({ base, to: { host, port } }));
  }

  #fire(shots: readonly Shot[], perSecond: number, done: () => void): void {
    const { clock, punch } = this.#deps;
    this.#cancel = fireVolley(clock, { shots, perSecond }, ({ base, to }) => punch(base, to), done);
  }

  #endAfter(ms: number): void {
    this.#cancel = this.#deps.clock.after(ms, () => {
      this.#isWaiting = false;
      this.#handlers.over();
    });
  }
}
