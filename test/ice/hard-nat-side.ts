import type { Endpoint } from '../../src/base/endpoint.ts';
import {
  HardNatAttempt,
  type HardNatDeps,
  type HardNatReport,
} from '../../src/ice/hard-nat-attempt.ts';
import { PunchBudget } from '../../src/ice/hard-nat-budget.ts';
import type { PunchMessage } from '../../src/ice/hard-nat-message.ts';
import type { SelectedPair } from '../../src/ice/ice-settings.ts';
import type { NatSummary } from '../../src/ice/nat-summary.ts';
import { StunRouter } from '../../src/ice/stun-router.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** One side of an attempt; the peer is played by the test. */
export class HardNatSide {
  readonly clock = new ManualClock();
  readonly budget = new PunchBudget(this.clock);
  readonly attempt: HardNatAttempt;
  readonly said: PunchMessage[] = [];
  readonly punched: { readonly base: string; readonly to: Endpoint; readonly atMs: number }[] = [];
  readonly kept: (string | undefined)[] = [];
  opened = 0;
  /** How many may still be sent, and opened. */
  punchesLeft = 2000;
  socketsLeft = 1000;
  selected: SelectedPair | undefined;

  constructor(asks: boolean) {
    const { clock } = this;
    this.attempt = new HardNatAttempt(
      {
        ...{ clock, random: seededRandom(4), router: new StunRouter(), budget: this.budget },
        send: () => undefined,
        agent: this.#createAgent(),
        sockets: {
          open: (count) => this.#open(count),
          close: (keep) => this.kept.push(keep),
        },
        tell: (message) => this.said.push(message),
      },
      { asks, base: 'v4', servers: [{ host: '203.0.113.1', port: 3478 }] },
    );
  }

  get state(): HardNatReport['state'] {
    return this.attempt.report.state;
  }

  /** Told by the peer. */
  ask(round: number, theirs: NatSummary): void {
    this.attempt.receive({ step: 'ask', round, nat: theirs });
  }

  #createAgent(): HardNatDeps['agent'] {
    const getSelected = (): SelectedPair | undefined => this.selected;
    return {
      punch: (base, to) => this.#punch(base, to),
      get selected() {
        return getSelected();
      },
    };
  }

  #punch(base: string, to: Endpoint): boolean {
    if (this.punchesLeft === 0) return false;
    this.punchesLeft--;
    this.punched.push({ base, to, atMs: this.clock.monotonic() });
    return true;
  }

  #open(count: number): readonly string[] {
    const may = Math.min(count, this.socketsLeft);
    this.socketsLeft -= may;
    return Array.from({ length: may }, () => `punch-${this.opened++}`);
  }
}
