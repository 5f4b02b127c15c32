/** One host's end of an attempt as a node has it: gathers first, tells its NAT, and may punch. */
import type { Cancel } from '../../../src/base/clock.ts';
import type { Endpoint } from '../../../src/base/endpoint.ts';
import type { RandomBytes } from '../../../src/base/random.ts';
import { familyOf } from '../../../src/ice/candidate.ts';
import { Gatherer } from '../../../src/ice/gatherer.ts';
import { HardNatAttempt } from '../../../src/ice/hard-nat-attempt.ts';
import { PunchBudget } from '../../../src/ice/hard-nat-budget.ts';
import type { PunchMessage } from '../../../src/ice/hard-nat-message.ts';
import { IceAgent } from '../../../src/ice/ice-agent.ts';
import { type NatSummary, summarizeNat } from '../../../src/ice/nat-summary.ts';
import { StunRouter } from '../../../src/ice/stun-router.ts';
import type { ManualClock } from '../manual-clock.ts';
import type { SimHost, SimSocket } from './sim-host.ts';

export interface HardPeerSettings {
  readonly clock: ManualClock;
  readonly random: RandomBytes;
  readonly stunServers: readonly Endpoint[];
  readonly controls: boolean;
  readonly budget?: PunchBudget;
  /** How many extra sockets the host has. */
  readonly sockets?: number;
}

export class HardPeer {
  readonly agent: IceAgent;
  readonly attempt: HardNatAttempt;
  readonly budget: PunchBudget;
  readonly gatherer: Gatherer;
  readonly said: PunchMessage[] = [];
  nat: NatSummary | undefined;
  selectedAtMs: number | undefined;
  mostSockets = 0;
  tell: (message: PunchMessage) => void = () => undefined;
  readonly #router = new StunRouter();
  readonly #sockets = new Map<string, SimSocket>();
  readonly #host: readonly SimHost[];
  readonly #left: number;
  #opened = 0;

  constructor(host: readonly SimHost[], settings: HardPeerSettings) {
    const { clock, random, stunServers, controls } = settings;
    this.#host = host;
    this.#left = settings.sockets ?? 1000;
    for (const { address } of host) this.#bind(familyOf(address) ?? 'none', address, 4000);
    const send = (bytes: Uint8Array, base: string, to: Endpoint): void => {
      this.#sockets.get(base)?.send(bytes, to);
    };
    const stun = { clock, random, router: this.#router, send };
    this.agent = new IceAgent(
      stun,
      { role: controls ? 'controlling' : 'controlled' },
      {
        selected: () => {
          this.selectedAtMs ??= clock.monotonic();
          this.attempt.selected();
        },
        failed: () => {
          this.attempt.close();
        },
        consentLost: () => undefined,
      },
    );
    this.budget = settings.budget ?? new PunchBudget(clock);
    this.attempt = new HardNatAttempt(
      {
        ...stun,
        agent: this.agent,
        budget: this.budget,
        sockets: {
          open: (count) => this.#openExtra(count),
          close: (keep) => {
            this.#closeExtra(keep);
          },
        },
        tell: (message) => {
          this.said.push(message);
          this.tell(message);
        },
      },
      { asks: controls, base: 'v4', servers: stunServers },
    );
    const bases = host.map(({ address }) => {
      const family = familyOf(address) ?? 'v4';
      return { name: family, family, port: 4000 };
    });
    const addresses = host.map(({ address }) => ({ name: 'eth0', address }));
    this.gatherer = new Gatherer(
      stun,
      { bases, addresses, servers: stunServers },
      {
        candidate: (candidate) => {
          this.agent.addLocal(candidate);
          this.#signal((to) => to.agent.addRemote(candidate));
        },
        gathered: () => {
          this.agent.localDone();
        },
        finished: (report) => {
          this.nat = summarizeNat(report);
          const { nat } = this;
          this.#signal((to) => {
            this.#told(to, nat);
          });
          this.considers();
        },
      },
    );
  }

  /** What the peer has told. */
  theirs: NatSummary | undefined;
  #signal: (change: (to: HardPeer) => void) => Cancel = () => () => undefined;

  get extraSockets(): readonly string[] {
    return [...this.#sockets.keys()].filter((base) => base.startsWith('punch-'));
  }

  considers(): void {
    if (this.nat !== undefined && this.theirs !== undefined) {
      this.attempt.consider(this.nat, this.theirs);
    }
  }

  /** Everything arrives `delayMs` later, in order, as over a relay. */
  startTo(peer: HardPeer, clock: ManualClock, delayMs: number): void {
    this.#signal = (change) =>
      clock.after(delayMs, () => {
        change(peer);
      });
    this.tell = (message) => {
      this.#signal((to) => {
        to.attempt.receive(message);
      });
    };
    this.#signal((to) => to.agent.setRemote(this.agent.credentials));
    this.gatherer.start();
  }

  close(): void {
    this.gatherer.stop();
    this.attempt.close();
    this.agent.close();
  }

  #told(to: HardPeer, nat: NatSummary): void {
    to.theirs = nat;
    to.considers();
  }

  #openExtra(count: number): readonly string[] {
    const may = Math.min(count, this.#left - this.#opened);
    const host = this.#host.find(({ address }) => familyOf(address) === 'v4');
    if (host === undefined) return [];
    const opened = Array.from({ length: may }, () => {
      const base = `punch-${this.#opened++}`;
      this.#bind(base, host.address, 5000 + this.#opened);
      return base;
    });
    this.mostSockets = Math.max(this.mostSockets, this.extraSockets.length);
    return opened;
  }

  #closeExtra(keep: string | undefined): void {
    for (const base of this.extraSockets) {
      if (base === keep) continue;
      this.#sockets.get(base)?.close();
      this.#sockets.delete(base);
    }
  }

  #bind(base: string, address: string, port: number): void {
    const host = this.#host.find((own) => own.address === address);
    const socket = host?.bind(port, (bytes, from) => {
      this.#router.receive(bytes, base, from);
    });
    if (socket !== undefined) this.#sockets.set(base, socket);
  }
}
