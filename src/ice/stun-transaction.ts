/**
 * One STUN request over UDP until it is answered (RFC 8489, 6.2.1). With RTO 500 ms, Rc 7, Rm 16:
 *
 *     sent at   0   500   1,500   3,500   7,500   15,500   31,500      given up at   39,500 ms
 */
import type { Cancel, Clock } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import type { StunDatagram, StunRouter } from './stun-router.ts';

export interface StunTimers {
  /** The wait after the first request; it doubles with each that follows. */
  readonly rtoMs: number;
  /** Rc: how many requests go out at most. */
  readonly maxRequests: number;
  /** Rm: the wait after the last request, in units of `rtoMs`. */
  readonly lastWaitFactor: number;
}

/** RFC 8489, 6.2.1; for checks also RFC 8445, 14.3. */
export const STUN_TIMERS: StunTimers = { rtoMs: 500, maxRequests: 7, lastWaitFactor: 16 };

export interface StunTransactionDeps {
  readonly clock: Clock;
  readonly router: StunRouter;
  /** Never throws: what cannot be sent is lost, as on the wire. No answer comes before it returns. */
  readonly send: (bytes: Uint8Array, base: string, to: Endpoint) => void;
}

export interface StunRequest {
  readonly transactionId: Uint8Array;
  /** The whole request: every retransmission is this, byte for byte. */
  readonly bytes: Uint8Array;
  readonly base: string;
  readonly to: Endpoint;
  /** Where the answer has to come from, when it was asked to come from elsewhere (RFC 5780). */
  readonly answerFrom?: Endpoint;
  /** `STUN_TIMERS` when left out. */
  readonly timers?: StunTimers;
}

export interface StunAnswer extends StunDatagram {
  /** Since the first request, so of one round trip only when `requests` is 1 (Karn's rule). */
  readonly rttMs: number;
  readonly requests: number;
}

export interface StunTransactionHandlers {
  /** False drops the answer as if it had not come: a wrong integrity (RFC 8489, 9.1.4). */
  readonly isAuthentic?: (datagram: StunDatagram) => boolean;
  /** False stops retransmission, but an answer is still waited for: the sender's budget is spent. */
  readonly maySend?: () => boolean;
  /** A success or an error of the server. At most once, and then no `timedOut`. */
  readonly answered: (answer: StunAnswer) => void;
  readonly timedOut: () => void;
}

/** Sends when it is made. */
export class StunTransaction {
  readonly #deps: StunTransactionDeps;
  readonly #request: StunRequest;
  readonly #timers: StunTimers;
  readonly #handlers: StunTransactionHandlers;
  readonly #startedMs: number;
  readonly #cancelExpectation: Cancel;
  #cancelTimer: Cancel = () => undefined;
  #requests = 0;
  #isOver = false;

  constructor(deps: StunTransactionDeps, request: StunRequest, handlers: StunTransactionHandlers) {
    this.#deps = deps;
    this.#request = request;
    this.#timers = request.timers ?? STUN_TIMERS;
    this.#handlers = handlers;
    this.#startedMs = deps.clock.monotonic();
    const { transactionId, base, to, answerFrom = to } = request;
    this.#cancelExpectation = deps.router.expect(transactionId, base, answerFrom, (datagram) => {
      this.#receive(datagram);
    });
    this.#transmit();
  }

  /** How many went out until now. */
  get requests(): number {
    return this.#requests;
  }

  /** No handler is called any more. Calling it again, or after the end, does nothing. */
  cancel(): void {
    this.#isOver = true;
    this.#cancelTimer();
    this.#cancelExpectation();
  }

  /** Sends no more, yet an answer to what was sent counts until the time is over (RFC 8445, 7.3.1.4). */
  stopSending(): void {
    if (this.#isOver) return;
    this.#cancelTimer();
    this.#arm(this.#timers.lastWaitFactor * this.#timers.rtoMs, () => {
      this.#giveUp();
    });
  }

  #transmit(): void {
    if (this.#handlers.maySend?.() === false) {
      this.stopSending();
      return;
    }
    const { bytes, base, to } = this.#request;
    const { rtoMs, maxRequests, lastWaitFactor } = this.#timers;
    this.#requests++;
    if (this.#requests < maxRequests) {
      this.#arm(rtoMs * 2 ** (this.#requests - 1), () => {
        this.#transmit();
      });
    } else {
      this.#arm(rtoMs * lastWaitFactor, () => {
        this.#giveUp();
      });
    }
    this.#deps.send(bytes, base, to);
  }

  #arm(ms: number, run: () => void): void {
    this.#cancelTimer = this.#deps.clock.after(ms, run);
  }

  #receive(datagram: StunDatagram): void {
    if (this.#handlers.isAuthentic?.(datagram) === false) return;
    this.cancel();
    const rttMs = this.#deps.clock.monotonic() - this.#startedMs;
    this.#handlers.answered({ ...datagram, rttMs, requests: this.#requests });
  }

  #giveUp(): void {
    this.cancel();
    this.#handlers.timedOut();
  }
}
