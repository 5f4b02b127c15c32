/** One host's end of an attempt: its sockets, its candidates as they come, and an agent. */
import type { Clock } from '../../../src/base/clock.ts';
import type { Endpoint } from '../../../src/base/endpoint.ts';
import type { RandomBytes } from '../../../src/base/random.ts';
import {
  type Candidate,
  familyOf,
  foundationOf,
  localPreferenceOf,
  priorityOf,
} from '../../../src/ice/candidate.ts';
import type { IceRole } from '../../../src/ice/check-message.ts';
import { IceAgent } from '../../../src/ice/ice-agent.ts';
import type { IceReport } from '../../../src/ice/ice-report.ts';
import type { IceAgentSettings, SelectedPair } from '../../../src/ice/ice-settings.ts';
import { encodeBindingRequest } from '../../../src/ice/stun-message.ts';
import { StunRouter } from '../../../src/ice/stun-router.ts';
import { StunTransaction } from '../../../src/ice/stun-transaction.ts';
import type { SimHost, SimSocket } from './sim-host.ts';

export interface SimPeerSettings {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly role: IceRole;
  readonly stunServers: readonly Endpoint[];
  readonly agent?: Partial<IceAgentSettings>;
}

export class SimPeer {
  readonly agent: IceAgent;
  readonly router = new StunRouter();
  readonly selected: { readonly atMs: number; readonly pair: SelectedPair }[] = [];
  readonly found: (readonly ['local' | 'remote', Candidate])[] = [];
  failure: IceReport | undefined;
  lost: { readonly atMs: number; readonly report: IceReport } | undefined;
  /** What a test wants to see or stop: false drops it before the socket. */
  onSend: (bytes: Uint8Array, base: string, to: Endpoint) => boolean = () => true;
  readonly #settings: SimPeerSettings;
  readonly #sockets = new Map<string, SimSocket>();

  constructor(addresses: readonly SimHost[], settings: SimPeerSettings, port = 4000) {
    this.#settings = settings;
    const { clock, random, role } = settings;
    for (const host of addresses) {
      const base = familyOf(host.address) ?? 'none';
      const socket = host.bind(port, (bytes, from) => {
        this.router.receive(bytes, base, from);
      });
      this.#sockets.set(base, socket);
    }
    this.agent = new IceAgent(
      { clock, random, router: this.router, send: this.send },
      { role, settings: settings.agent ?? {} },
      {
        candidate: (candidate, side) => this.found.push([side, candidate]),
        selected: (pair) => this.selected.push({ atMs: clock.monotonic(), pair }),
        failed: (report) => {
          this.failure = report;
        },
        consentLost: (report) => {
          this.lost = { atMs: clock.monotonic(), report };
        },
      },
    );
  }

  get bases(): readonly string[] {
    return [...this.#sockets.keys()];
  }

  readonly send = (bytes: Uint8Array, base: string, to: Endpoint): void => {
    if (this.onSend(bytes, base, to)) this.#sockets.get(base)?.send(bytes, to);
  };

  /** Tells `candidate` of host candidates at once, of server-reflexive ones as servers answer, then `done`. */
  gather(candidate: (candidate: Candidate) => void, done: () => void): void {
    let waiting = 1;
    const finish = (): void => {
      waiting--;
      if (waiting === 0) done();
    };
    for (const [base, { endpoint }] of this.#sockets) {
      candidate(createCandidate('host', base, endpoint));
      for (const server of this.#settings.stunServers) {
        if (familyOf(server.host) !== base) continue;
        waiting++;
        this.#ask(server, base, (mapped) => {
          if (mapped !== undefined && mapped.host !== endpoint.host) {
            candidate(createCandidate('srflx', base, mapped));
          }
          finish();
        });
      }
    }
    finish();
  }

  #ask(server: Endpoint, base: string, told: (mapped: Endpoint | undefined) => void): void {
    const { clock, random } = this.#settings;
    const transactionId = random(12);
    const bytes = encodeBindingRequest(transactionId);
    new StunTransaction(
      { clock, router: this.router, send: this.send },
      { transactionId, bytes, base, to: server },
      {
        answered: ({ message }) => {
          told(message.xorMappedAddress);
        },
        timedOut: () => {
          told(undefined);
        },
      },
    );
  }
}

export function createCandidate(
  kind: 'host' | 'srflx',
  base: string,
  endpoint: Endpoint,
): Candidate {
  const localPreference = localPreferenceOf(base === 'v6' ? 'v6' : 'v4', 0);
  return {
    kind,
    base,
    endpoint,
    priority: priorityOf(kind, localPreference),
    foundation: foundationOf(kind, base),
  };
}

/** Credentials and candidates of each go to the other, `delayMs` later, as over a relay. */
export function connect(a: SimPeer, b: SimPeer, clock: Clock, delayMs = 20): void {
  signal(a, b, clock, delayMs);
  signal(b, a, clock, delayMs);
}

function signal(from: SimPeer, to: SimPeer, clock: Clock, delayMs: number): void {
  clock.after(delayMs, () => to.agent.setRemote(from.agent.credentials));
  from.gather(
    (candidate) => {
      from.agent.addLocal(candidate);
      clock.after(delayMs, () => to.agent.addRemote(candidate));
    },
    () => {
      from.agent.localDone();
      clock.after(delayMs, () => {
        to.agent.remoteDone();
      });
    },
  );
}
