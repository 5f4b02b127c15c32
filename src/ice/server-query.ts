import type { Cancel } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { WireError } from '../base/wire-error.ts';
import { endpointRefusal, familyOf, type IpFamily } from './candidate.ts';
import { hostKey } from './endpoint-key.ts';
import type { ServerReport } from './nat-behaviour.ts';
import type { NatTestDeps } from './nat-tests.ts';
import { readStunDiscovery } from './stun-discovery.ts';
import { verifyFingerprint } from './stun-integrity.ts';
import { BINDING_METHOD, encodeBindingRequest } from './stun-message.ts';
import type { StunDatagram } from './stun-router.ts';
import { type StunAnswer, StunTransaction } from './stun-transaction.ts';

export interface QueryRules {
  readonly base: string;
  readonly family: IpFamily;
  /** For several hosts on one machine. */
  readonly allowLoopback: boolean;
}

/** One Binding request to one server, from when it is made until it is answered or cancelled. */
export class ServerQuery {
  readonly server: Endpoint;
  readonly #rules: QueryRules;
  readonly #transaction: StunTransaction;
  #outcome: ServerReport['outcome'] = 'waiting';
  #mapped: Endpoint | undefined;
  #other: Endpoint | undefined;
  #rttMs: number | undefined;

  /** `settled` is called once, unless it is cancelled before. */
  constructor(deps: NatTestDeps, rules: QueryRules, server: Endpoint, settled: () => void) {
    this.server = server;
    this.#rules = rules;
    const transactionId = deps.random(12);
    const bytes = encodeBindingRequest(transactionId);
    const request = { transactionId, bytes, base: rules.base, to: server };
    this.#transaction = new StunTransaction(deps, request, {
      isAuthentic,
      answered: (answer) => {
        this.#read(answer);
        settled();
      },
      timedOut: () => {
        this.#outcome = 'no_answer';
        settled();
      },
    });
  }

  get isWaiting(): boolean {
    return this.#outcome === 'waiting';
  }

  /** What the server says our outer endpoint is; undefined unless that could be true. */
  get mapped(): Endpoint | undefined {
    return this.#mapped;
  }

  /** Where a server of RFC 5780 can answer from beside; usable. */
  get other(): Endpoint | undefined {
    return this.#other;
  }

  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  get report(): ServerReport {
    const { server } = this;
    const [outcome, mapped, rttMs] = [this.#outcome, this.#mapped, this.#rttMs];
    return { base: this.#rules.base, server, outcome, mapped, rttMs };
  }

  /** It is told nothing any more; counts as unanswered. */
  readonly cancel: Cancel = () => {
    this.#transaction.cancel();
    if (this.isWaiting) this.#outcome = 'no_answer';
  };

  #read({ message, bytes, rttMs, requests }: StunAnswer): void {
    if (requests === 1) this.#rttMs = rttMs;
    this.#mapped = this.#usable(message.xorMappedAddress);
    if (message.class === 'error') this.#outcome = 'refused';
    else if (this.#mapped === undefined) this.#outcome = 'unusable';
    else {
      this.#outcome = 'answered';
      this.#other = this.#reallyOther(otherAddressOf(bytes));
    }
  }

  /** The same host, or the same port, is no other address (RFC 5780, 6). */
  #reallyOther(endpoint: Endpoint | undefined): Endpoint | undefined {
    const other = this.#usable(endpoint);
    if (other === undefined || other.port === this.server.port) return undefined;
    return hostKey(other) === hostKey(this.server) ? undefined : other;
  }

  #usable(endpoint: Endpoint | undefined): Endpoint | undefined {
    if (endpoint === undefined || familyOf(endpoint.host) !== this.#rules.family) return undefined;
    const rules = { ours: [], allowLoopback: this.#rules.allowLoopback };
    return endpointRefusal(endpoint, rules) === undefined ? endpoint : undefined;
  }
}

function isAuthentic({ message, bytes }: StunDatagram): boolean {
  if (message.method !== BINDING_METHOD) return false;
  return !message.hasFingerprint || verifyFingerprint(bytes);
}

function otherAddressOf(bytes: Uint8Array): Endpoint | undefined {
  try {
    return readStunDiscovery(bytes).otherAddress;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
