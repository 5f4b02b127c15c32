/**
 * Gets one ICE attempt through NATs that checks alone do not get through. Beside the agent, from when both
 * summaries are known until the agent has a pair, or gives up.
 *
 *     asks       idle ── 2 s without a pair ──> [sampling] ── ask ──> asked ── go ──> punching ── over ─┐
 *                  ^ └── busy, here or there: later ─────────────────────┘                └─ next round ┤
 *     answers    idle ── ask ──> [sampling] ── go ──> punching ── over ──> idle, for the next ask       │
 *     both         any ── the agent selected a pair ──> succeeded        any ── no round left ──> ended <┘
 *
 * The bounds, whatever the peer says: 256 sockets and 2,000 datagrams an attempt, each a check of some 100 bytes,
 * at 500 a second (1,000 while opening); one attempt at a time for the whole node, 20 s apart
 * (hard-nat-budget.ts); only to hosts that the peer has a candidate at (punch-probes.ts), each port once a
 * round. So a trusted peer that names somebody else's address gets at most 200 kB at once, and 100 datagrams
 * a second on average, out of a node. No port scanner: only who holds the attempt's password can answer, and
 * nobody but this host is told what was answered.
 */
import type { Cancel } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { randomFraction } from '../base/random.ts';
import { type HardNatPlan, MAX_SOCKETS, planHardNat, type WhyNoPunching } from './hard-nat.ts';
import type { PunchBudget, PunchLease } from './hard-nat-budget.ts';
import { isPunchMessage, type PunchMessage } from './hard-nat-message.ts';
import { PunchRound, type RoundPlan } from './hard-nat-round.ts';
import { samplePort } from './hard-nat-sampler.ts';
import type { IceAgent } from './ice-agent.ts';
import { type NatSummary, UNKNOWN_NAT } from './nat-summary.ts';
import type { NatTestDeps } from './nat-tests.ts';

export interface ExtraSockets {
  /** New IPv4 sockets by name, whose datagrams go to the router; fewer, or none, when there are no more. */
  open(count: number): readonly string[];
  /** All but this one, which is the caller's from now on. */
  close(keep?: string): void;
}

export interface HardNatDeps extends NatTestDeps {
  readonly agent: Pick<IceAgent, 'punch' | 'selected'>;
  /** One for the node. */
  readonly budget: PunchBudget;
  readonly sockets: ExtraSockets;
  /** To the peer, inside the session. */
  readonly tell: (message: PunchMessage) => void;
}

export interface HardNatOptions {
  /** One side of the two: the one that offered. */
  readonly asks: boolean;
  /** The socket that the summary is about. */
  readonly base: string;
  /** Those that the gatherer asks. */
  readonly servers: readonly Endpoint[];
  readonly allowLoopback?: boolean;
}

export type HardNatEnd = 'hopeless' | 'busy' | 'no_answer' | 'no_sockets' | 'exhausted';

export interface HardNatReport {
  readonly state: 'idle' | 'punching' | 'succeeded' | HardNatEnd | 'closed';
  /** For people: what is done, or why it is not. */
  readonly text: string;
  /** Why nothing is done. */
  readonly why: WhyNoPunching | undefined;
  readonly rounds: number;
  readonly sockets: number;
  readonly probes: number;
}

const END_TEXT: Readonly<Record<Exclude<HardNatEnd, 'hopeless'>, string>> = {
  busy: 'a node punches for one peer at a time, 20 s apart: it was not the turn of this one',
  no_answer: 'the peer did not answer when it was asked to punch together',
  no_sockets: 'this host gives out no more sockets',
  exhausted:
    'as many ports as may be were tried, none met: other traffic, or ports given out otherwise',
};

/** An ICE attempt takes 20 s: a birthday takes 5 of them. */
const LATEST_START_MS = 12_000;
/** A sample there takes 1.5 s at most. */
const GO_WITHIN_MS = 4000;
/** A sample here, and the way. */
const NEXT_ASK_WITHIN_MS = 5000;
/** Rounds of both kinds take less; nobody holds the node's turn for longer. */
const LONGEST_MS = 15_000;
const RETRY_MS = 1000;
/** Answers to the peer's last checks still leave from sockets that were not selected. */
const KEEP_MS = 3000;

export class HardNatAttempt {
  readonly #deps: HardNatDeps;
  readonly #options: HardNatOptions;
  readonly #startedMs: number;
  #ours = UNKNOWN_NAT;
  #theirs = UNKNOWN_NAT;
  #state: HardNatReport['state'] = 'idle';
  #text = 'the NATs are not known yet';
  #why: WhyNoPunching | undefined;
  #lease: PunchLease | undefined;
  #round = 0;
  #running: PunchRound | undefined;
  #isAsked = false;
  #sockets = 0;
  #probes = 0;
  /** Of the step under way: a wait, a sample. */
  #cancelStep: Cancel = () => undefined;
  #cancelDeadline: Cancel = () => undefined;

  constructor(deps: HardNatDeps, options: HardNatOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#startedMs = deps.clock.monotonic();
  }

  get report(): HardNatReport {
    return {
      state: this.#state,
      text: this.#text,
      why: this.#why,
      rounds: this.#round,
      sockets: this.#sockets,
      probes: this.#probes,
    };
  }

  /** The two NATs, as soon as they are known, and again when one is known better. */
  consider(ours: NatSummary, theirs: NatSummary): void {
    if (this.#state !== 'idle' || this.#round > 0) return;
    this.#ours = ours;
    this.#theirs = theirs;
    const plan = planHardNat(ours, theirs);
    this.#note(plan);
    this.#cancelStep();
    if (plan.kind !== 'none' && this.#options.asks) {
      this.#startIn(Math.max(0, plan.delayMs - this.#elapsedMs));
    }
  }

  /** Of this attempt. */
  receive(message: PunchMessage): void {
    if (this.#state === 'closed' || !isPunchMessage(message)) return;
    if (message.step === 'ask') {
      this.#onAsk(message.round, message.nat);
      return;
    }
    if (message.round !== this.#round || this.#state !== 'punching') return;
    if (message.step === 'opened') this.#running?.peerOpened();
    else if (this.#isAsked) this.#onReply(message);
  }

  /** The agent has a pair. */
  selected(): void {
    if (this.#state === 'succeeded' || this.#state === 'closed') return;
    this.#stop('succeeded', 'the two sides are connected');
    this.#cancelStep = this.#deps.clock.after(KEEP_MS, () => {
      this.#closeSockets();
    });
  }

  /** Closes the sockets, too, but for a selected one. May be called twice. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#stop('closed', this.#text);
    this.#closeSockets();
  }

  get #elapsedMs(): number {
    return this.#deps.clock.monotonic() - this.#startedMs;
  }

  #startIn(ms: number): void {
    this.#cancelStep = this.#deps.clock.after(ms, () => {
      if (this.#takeLease()) this.#ask(1);
      else this.#retry();
    });
  }

  /** Not all at once when several wait for one. */
  #retry(): void {
    const delayMs = RETRY_MS * (1 + randomFraction(this.#deps.random));
    if (this.#elapsedMs + delayMs > LATEST_START_MS) this.#end('busy');
    else this.#startIn(delayMs);
  }

  #takeLease(): boolean {
    if (this.#lease !== undefined) return true;
    this.#lease = this.#deps.budget.take();
    if (this.#lease === undefined) return false;
    this.#cancelDeadline = this.#deps.clock.after(LONGEST_MS, () => {
      this.#end('exhausted');
    });
    return true;
  }

  #endLease(): void {
    this.#cancelDeadline();
    this.#lease?.end(this.#probes > 0);
    this.#lease = undefined;
  }

  #ask(round: number): void {
    this.#state = 'punching';
    this.#round = round;
    this.#sample(planHardNat(this.#ours, this.#theirs, round), () => {
      this.#isAsked = true;
      this.#waitFor(GO_WITHIN_MS);
      this.#deps.tell({ step: 'ask', round, nat: this.#ours });
    });
  }

  #onReply(message: Extract<PunchMessage, { readonly step: 'go' | 'refuse' }>): void {
    this.#isAsked = false;
    this.#cancelStep();
    if (message.step === 'go') {
      this.#theirs = message.nat;
      this.#play(planHardNat(this.#ours, this.#theirs, this.#round));
    } else if (message.reason === 'busy' && this.#round === 1) {
      this.#state = 'idle';
      this.#round = 0;
      this.#endLease();
      this.#retry();
    } else {
      this.#end(message.reason);
    }
  }

  #onAsk(round: number, nat: NatSummary): void {
    if (this.#options.asks || round <= this.#round || this.#state === 'succeeded') return;
    const plan = planHardNat(this.#ours, nat, round);
    const isOver = this.#state !== 'idle' && this.#state !== 'punching';
    if (isOver || plan.kind === 'none') {
      this.#deps.tell({ step: 'refuse', round, reason: 'hopeless' });
      return;
    }
    if (!this.#takeLease()) {
      this.#deps.tell({ step: 'refuse', round, reason: 'busy' });
      return;
    }
    this.#cancelStep();
    this.#running?.cancel();
    this.#state = 'punching';
    this.#round = round;
    this.#theirs = nat;
    this.#sample(plan, () => {
      const now = planHardNat(this.#ours, nat, round);
      if (now.kind === 'none') this.#deps.tell({ step: 'refuse', round, reason: 'hopeless' });
      else this.#deps.tell({ step: 'go', round, nat: this.#ours });
      this.#play(now);
    });
  }

  /** Before each prediction that is about our ports. */
  #sample(plan: HardNatPlan, then: () => void): void {
    const { outer, portStep } = this.#ours;
    const isPredicted = plan.kind === 'predict-open' || plan.kind === 'predict-both';
    if (!isPredicted || outer === undefined || portStep === undefined) {
      then();
      return;
    }
    const [base] = this.#open(1);
    if (base === undefined) {
      this.#end('no_sockets');
      return;
    }
    const { servers, allowLoopback = false } = this.#options;
    const known = { outerHost: outer.host, step: portStep.step };
    this.#cancelStep = samplePort(
      this.#deps,
      { base, servers, allowLoopback, ...known },
      (sample) => {
        // Without an answer the old one is as good as any: the next round asks again.
        this.#ours = { ...this.#ours, portStep: sample ?? portStep };
        then();
      },
    );
  }

  #play(plan: HardNatPlan): void {
    this.#note(plan);
    if (plan.kind === 'none') {
      this.#end('hopeless');
      return;
    }
    const { clock, random } = this.#deps;
    const round = this.#round;
    this.#running = new PunchRound(
      {
        ...{ clock, random, base: this.#options.base },
        open: (count) => this.#open(count),
        punch: (base, to) => this.#punch(base, to),
      },
      plan,
      {
        opened: () => {
          this.#deps.tell({ step: 'opened', round });
        },
        over: () => {
          this.#onOver(plan);
        },
      },
    );
    this.#running.start();
  }

  #onOver(plan: RoundPlan): void {
    if (plan.isLastRound) this.#end('exhausted');
    else if (this.#options.asks) this.#ask(this.#round + 1);
    else this.#waitFor(NEXT_ASK_WITHIN_MS);
  }

  #note(plan: HardNatPlan): void {
    this.#text = plan.text;
    this.#why = plan.kind === 'none' ? plan.why : undefined;
  }

  #waitFor(ms: number): void {
    this.#cancelStep = this.#deps.clock.after(ms, () => {
      this.#end('no_answer');
    });
  }

  #open(count: number): readonly string[] {
    const opened = this.#deps.sockets.open(Math.min(count, MAX_SOCKETS - this.#sockets));
    this.#sockets += opened.length;
    return opened;
  }

  #punch(base: string, to: Endpoint): boolean {
    const isSent = this.#deps.agent.punch(base, to);
    if (isSent) this.#probes++;
    return isSent;
  }

  /** The sockets stay: a late answer may still come, as long as the agent lives. */
  #end(end: HardNatEnd): void {
    this.#stop(end, end === 'hopeless' ? this.#text : END_TEXT[end]);
  }

  #stop(state: HardNatReport['state'], text: string): void {
    this.#state = state;
    this.#text = text;
    this.#cancelStep();
    this.#running?.cancel();
    this.#endLease();
  }

  #closeSockets(): void {
    if (this.#sockets > 0) this.#deps.sockets.close(this.#deps.agent.selected?.base);
  }
}
