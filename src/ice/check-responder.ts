/**
 * Answers the peer's checks. Who is not the peer gets no answer and leaves nothing but a count; the peer
 * gets at most 100 answers a second, none larger than its request, and none to an address that a candidate
 * could not have.
 */
import type { Clock } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { CheckSigner, Verdict } from './check-signer.ts';
import type { InboundCounts } from './ice-report.ts';
import type { StunDatagram } from './stun-router.ts';

/** Checks come every 50 ms, and each may be repeated. */
const ANSWERS_PER_SECOND = 100;

export type AcceptedVerdict = Verdict & { readonly kind: 'accepted' };

export interface CheckResponderDeps {
  readonly clock: Clock;
  readonly send: (bytes: Uint8Array, base: string, to: Endpoint) => void;
  readonly signer: CheckSigner;
  readonly isUsableSource: (endpoint: Endpoint) => boolean;
  /** After the answer is sent. */
  readonly accepted: (datagram: StunDatagram, verdict: AcceptedVerdict) => void;
}

export class CheckResponder {
  readonly #deps: CheckResponderDeps;
  readonly #counts: InboundCounts = { requests: 0, wrongIntegrity: 0, refused: 0, dropped: 0 };
  readonly #answers: TokenBucket;

  constructor(deps: CheckResponderDeps) {
    this.#deps = deps;
    const limit = { perSecond: ANSWERS_PER_SECOND, burst: ANSWERS_PER_SECOND };
    this.#answers = new TokenBucket(limit, deps.clock.monotonic());
  }

  get counts(): Readonly<InboundCounts> {
    return { ...this.#counts };
  }

  receive(datagram: StunDatagram): void {
    const { signer, clock, send, isUsableSource, accepted } = this.#deps;
    // Before anything else: an answer names this address, and not every address can be named.
    if (!isUsableSource(datagram.from)) {
      this.#counts.dropped++;
      return;
    }
    const verdict = signer.judge(datagram);
    if (verdict.kind === 'ignored') {
      this.#counts.wrongIntegrity++;
      return;
    }
    if (!this.#answers.take(clock.monotonic())) {
      this.#counts.dropped++;
      return;
    }
    if (verdict.kind === 'accepted') this.#counts.requests++;
    else this.#counts.refused++;
    send(verdict.answer, datagram.base, datagram.from);
    if (verdict.kind === 'accepted') accepted(datagram, verdict);
  }
}
