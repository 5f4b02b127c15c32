/**
 * How much a peer can make us send to an address that it names. Toward an endpoint that never gave an answer
 * signed with our peer's password, an attempt sends at most 14 requests: an ordinary check and one that the
 * peer's own request triggers, 7 each (RFC 8445, 7 and 14.3). With at most 20 endpoints and requests of some
 * 100 bytes that is 28 kB and 280 datagrams an attempt, and never two for one that came in.
 */
import type { Endpoint } from '../base/endpoint.ts';
import { endpointKey } from './endpoint-key.ts';

export const MAX_UNANSWERED_REQUESTS = 14;

export class ProbeBudget {
  readonly #limit: number;
  readonly #sent = new Map<string, number>();
  readonly #answered = new Set<string>();

  constructor(limit = MAX_UNANSWERED_REQUESTS) {
    this.#limit = limit;
  }

  isSpent(endpoint: Endpoint): boolean {
    const key = endpointKey(endpoint);
    return !this.#answered.has(key) && (this.#sent.get(key) ?? 0) >= this.#limit;
  }

  /** Counts one request, when it may still be sent. */
  take(endpoint: Endpoint): boolean {
    if (this.isSpent(endpoint)) return false;
    const key = endpointKey(endpoint);
    this.#sent.set(key, (this.#sent.get(key) ?? 0) + 1);
    return true;
  }

  /** It agreed to be sent to: an authentic answer came. */
  answered(endpoint: Endpoint): void {
    this.#answered.add(endpointKey(endpoint));
  }
}
