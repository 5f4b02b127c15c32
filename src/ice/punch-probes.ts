/**
 * Checks toward endpoints that nobody told, only guessed: ports of a NAT that gives each flow another one
 * (birthday punching, port prediction). Each goes out once; it opens our own filter, and an answer makes the
 * endpoint a candidate. The bound: 2,000 an attempt, and only to hosts that the peer has a candidate at.
 */
import type { Endpoint } from '../base/endpoint.ts';
import { priorityOf } from './candidate.ts';
import type { CheckSigner } from './check-signer.ts';
import type { IceAgentDeps } from './ice-settings.ts';
import { StunTransaction } from './stun-transaction.ts';

export const MAX_PUNCHES = 2000;
/** An answer is waited for as long as a mapping that was just made surely lives. */
const PUNCH_TIMERS = { rtoMs: 500, maxRequests: 1, lastWaitFactor: 20 };

export interface PunchHandlers {
  readonly mayTarget: (endpoint: Endpoint) => boolean;
  readonly answered: (base: string, endpoint: Endpoint) => void;
}

export class PunchProbes {
  readonly #deps: IceAgentDeps;
  readonly #signer: CheckSigner;
  readonly #handlers: PunchHandlers;
  readonly #waiting = new Set<StunTransaction>();
  #sent = 0;

  constructor(deps: IceAgentDeps, signer: CheckSigner, handlers: PunchHandlers) {
    this.#deps = deps;
    this.#signer = signer;
    this.#handlers = handlers;
  }

  get sent(): number {
    return this.#sent;
  }

  /** False when it was not sent. */
  send(base: string, to: Endpoint): boolean {
    const signer = this.#signer;
    if (this.#sent >= MAX_PUNCHES || signer.remote === undefined) return false;
    if (!this.#handlers.mayTarget(to)) return false;
    this.#sent++;
    const transactionId = this.#deps.random(12);
    const bytes = signer.request(transactionId, priorityOf('prflx', 0), false);
    const request = { transactionId, bytes, base, to, timers: PUNCH_TIMERS };
    const probe: StunTransaction = new StunTransaction(this.#deps, request, {
      isAuthentic: (datagram) => signer.isAuthenticAnswer(datagram),
      answered: () => {
        this.#waiting.delete(probe);
        this.#handlers.answered(base, to);
      },
      timedOut: () => {
        this.#waiting.delete(probe);
      },
    });
    this.#waiting.add(probe);
    return true;
  }

  stop(): void {
    for (const probe of this.#waiting) probe.cancel();
    this.#waiting.clear();
  }
}
