/**
 * Whose is a STUN datagram that came in on one of our sockets?
 *
 *     success, error   the transaction that waits for this id, when it comes from where its request went
 *     request          the agent whose username fragment is the first of USERNAME, `ours:theirs`
 *     anything else    nobody's
 *
 * Nothing is kept for a datagram that has no owner, and nothing is sent here. What a message says is not
 * authenticated: that is its owner's business, who holds the password.
 */
import { toHex } from '../base/bytes.ts';
import type { Cancel } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { WireError } from '../base/wire-error.ts';
import { endpointKey } from './endpoint-key.ts';
import { looksLikeStun, USERNAME, walkStun } from './stun-frame.ts';
import { verifyFingerprint } from './stun-integrity.ts';
import { decodeStunMessage, type StunMessage } from './stun-message.ts';

export interface StunDatagram {
  readonly message: StunMessage;
  /** The message as it came; its integrity is judged on these bytes. */
  readonly bytes: Uint8Array;
  /** The local socket by name. */
  readonly base: string;
  readonly from: Endpoint;
}
export type StunHandler = (datagram: StunDatagram) => void;

export type StunDropReason =
  | 'malformed'
  | 'unknown_transaction'
  | 'wrong_source'
  | 'unknown_username'
  | 'wrong_fingerprint'
  | 'not_for_us';

interface Expectation {
  readonly base: string;
  readonly toKey: string;
  readonly handler: StunHandler;
}

const TRANSACTION_ID_AT = 8;
const TRANSACTION_ID_END = 20;

export class StunRouter {
  /** By transaction id in hex. As many as our own requests in flight: a stranger cannot add one. */
  readonly #expectations = new Map<string, Expectation>();
  readonly #agents = new Map<string, StunHandler>();
  readonly #dropped: Record<StunDropReason, number> = {
    malformed: 0,
    unknown_transaction: 0,
    wrong_source: 0,
    unknown_username: 0,
    wrong_fingerprint: 0,
    not_for_us: 0,
  };

  /** What came in and had no owner, by the reason. */
  get dropped(): Readonly<Record<StunDropReason, number>> {
    return this.#dropped;
  }

  /**
   * Hands every response to this transaction that reaches `base` from `to` to `handler`, until cancelled:
   * one whose integrity is wrong must not end the wait (RFC 8489, 9.1.4).
   */
  expect(transactionId: Uint8Array, base: string, to: Endpoint, handler: StunHandler): Cancel {
    const id = toHex(transactionId);
    if (this.#expectations.has(id)) throw new RangeError('this STUN transaction is waited for');
    const expectation = { base, toKey: endpointKey(to), handler };
    this.#expectations.set(id, expectation);
    return () => {
      if (this.#expectations.get(id) === expectation) this.#expectations.delete(id);
    };
  }

  /** Hands the requests whose USERNAME begins with `ufrag` and a colon to `handler`, until cancelled. */
  register(ufrag: string, handler: StunHandler): Cancel {
    if (this.#agents.has(ufrag)) throw new RangeError('this username fragment is taken');
    this.#agents.set(ufrag, handler);
    return () => {
      if (this.#agents.get(ufrag) === handler) this.#agents.delete(ufrag);
    };
  }

  /** Never throws for what the bytes are. */
  receive(bytes: Uint8Array, base: string, from: Endpoint): void {
    const owner = this.#ownerOf(bytes, base, from);
    if (typeof owner === 'string') {
      this.#dropped[owner]++;
      return;
    }
    const message = readMessage(bytes);
    if (message === undefined) this.#dropped.malformed++;
    else owner({ message, bytes, base, from });
  }

  /** The cheap questions first: under a flood, reading a whole message is what costs. */
  #ownerOf(bytes: Uint8Array, base: string, from: Endpoint): StunHandler | StunDropReason {
    if (!looksLikeStun(bytes)) return 'malformed';
    // The two bits of the class (RFC 8489, figure 3): the second says response.
    const isResponse = ((bytes[0] ?? 0) & 0x01) !== 0;
    const isIndication = !isResponse && ((bytes[1] ?? 0) & 0x10) !== 0;
    if (isIndication) return 'not_for_us';
    return isResponse ? this.#ownerOfResponse(bytes, base, from) : this.#ownerOfRequest(bytes);
  }

  #ownerOfResponse(bytes: Uint8Array, base: string, from: Endpoint): StunHandler | StunDropReason {
    const id = toHex(bytes.subarray(TRANSACTION_ID_AT, TRANSACTION_ID_END));
    const expectation = this.#expectations.get(id);
    if (expectation === undefined) return 'unknown_transaction';
    if (expectation.base !== base || expectation.toKey !== endpointKey(from)) return 'wrong_source';
    return expectation.handler;
  }

  #ownerOfRequest(bytes: Uint8Array): StunHandler | StunDropReason {
    try {
      const { attributes } = walkStun(bytes);
      const username = attributes.find(({ type }) => type === USERNAME)?.value;
      // Requests without one ask for a STUN server, which this is not.
      if (username === undefined) return 'not_for_us';
      const [ufrag = ''] = new TextDecoder().decode(username).split(':', 1);
      const agent = this.#agents.get(ufrag);
      if (agent === undefined) return 'unknown_username';
      return verifyFingerprint(bytes) ? agent : 'wrong_fingerprint';
    } catch (error) {
      if (error instanceof WireError) return 'malformed';
      throw error;
    }
  }
}

function readMessage(bytes: Uint8Array): StunMessage | undefined {
  try {
    return decodeStunMessage(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
