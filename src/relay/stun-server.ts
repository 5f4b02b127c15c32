/**
 * Tells whoever asks from which address the question came (STUN Binding, RFC 8489), so that nodes behind a
 * NAT learn their outer address; with two addresses also from where else it can answer, so that they learn
 * how the NAT behaves (RFC 5780).
 *
 * It answers anybody, so it must be of no use for flooding others: only Binding requests are answered, with
 * what the RFCs demand and nothing else, at a bounded rate for each network of the supposed askers and for
 * all together.
 *
 *                                                            IPv4           IPv6
 *     20 bytes ask; XOR-MAPPED-ADDRESS                     32   1.6 x     44   2.2 x
 *     the same with two addresses: also MAPPED-ADDRESS,    68   3.4 x    116   5.8 x
 *       RESPONSE-ORIGIN, OTHER-ADDRESS (RFC 5780, 6.1)
 *     20 + 4 n bytes with n attributes that it does not    32 + 2 n      (at most 1.5 x)
 *       understand; with one address CHANGE-REQUEST, too
 */
import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import { networkOf, plainHost } from '../base/ip-address.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import { WireError } from '../base/wire-error.ts';
import {
  appendAddress,
  CHANGE_REQUEST,
  type ChangeRequest,
  MAPPED_ADDRESS,
  OTHER_ADDRESS,
  readStunDiscovery,
  RESPONSE_ORIGIN,
} from '../ice/stun-discovery.ts';
import { encodeUnknownAttributes } from '../ice/stun-error.ts';
import { looksLikeStun } from '../ice/stun-frame.ts';
import { verifyFingerprint } from '../ice/stun-integrity.ts';
import {
  BINDING_METHOD,
  decodeStunMessage,
  encodeBindingResponse,
  type StunMessage,
} from '../ice/stun-message.ts';

export interface StunServerSettings {
  /** A node asks once for each socket and network change; behind one /24 there may be hundreds. */
  readonly perNetwork: { readonly perSecond: number; readonly burst: number };
  /** An answer costs 50 to 100 µs: at most a fifth of the process that also carries messages. */
  readonly total: { readonly perSecond: number; readonly burst: number };
  /** Networks remembered at a time; the oldest is forgotten first. */
  readonly maxNetworks: number;
}

export const DEFAULT_STUN_SERVER_SETTINGS: StunServerSettings = {
  perNetwork: { perSecond: 20, burst: 100 },
  total: { perSecond: 2_000, burst: 4_000 },
  maxNetworks: 16_384,
};

/** What became of the datagrams that came in; each is counted once. */
export type StunOutcome =
  | 'answered'
  | 'not_stun'
  | 'network_limited'
  | 'total_limited'
  | 'malformed'
  /** Responses, indications, other methods. */
  | 'not_a_binding_request'
  /** It asks for something that must be understood and is not: answered with 420 (RFC 8489, 6.3.1). */
  | 'unknown_attribute';

/** A socket that answers leave by. */
export interface StunOutlet {
  readonly endpoint: Endpoint;
  /** Takes responsibility for errors: there is nobody to tell. */
  send(bytes: Uint8Array, to: Endpoint): void;
}

/** Where a request came in. */
export interface StunInlet {
  /** The same socket. */
  readonly outlet: StunOutlet;
  /** At a server with two addresses and the same two ports at each: the sockets that differ in one or both. */
  readonly others:
    | { readonly port: StunOutlet; readonly address: StunOutlet; readonly both: StunOutlet }
    | undefined;
}

/** A whole /24 or /56 usually has one owner, who can ask from any address in it. */
const NETWORK_BITS = { v4: 24, v6: 56 };

export class StunServer {
  readonly #clock: Clock;
  readonly #settings: StunServerSettings;
  readonly #total: TokenBucket;
  readonly #networks: BoundedMap<string, TokenBucket>;
  readonly #counters: Record<StunOutcome, number> = {
    answered: 0,
    not_stun: 0,
    network_limited: 0,
    total_limited: 0,
    malformed: 0,
    not_a_binding_request: 0,
    unknown_attribute: 0,
  };

  constructor(clock: Clock, settings: StunServerSettings = DEFAULT_STUN_SERVER_SETTINGS) {
    this.#clock = clock;
    this.#settings = settings;
    this.#total = new TokenBucket(this.#settings.total, this.#clock.monotonic());
    this.#networks = new BoundedMap(this.#settings.maxNetworks);
  }

  get counters(): Readonly<Record<StunOutcome, number>> {
    return this.#counters;
  }

  /** A datagram from the network; `from` as the socket names it. Never throws for what is in it. */
  receive(datagram: Uint8Array, from: Endpoint, inlet: StunInlet): void {
    this.#counters[this.#handle(datagram, from, inlet)] += 1;
  }

  #handle(datagram: Uint8Array, from: Endpoint, inlet: StunInlet): StunOutcome {
    // The cheap checks first: everything after costs more than the datagram cost its sender.
    if (!looksLikeStun(datagram)) return 'not_stun';
    const nowMs = this.#clock.monotonic();
    if (!this.#bucketOf(from.host, nowMs).take(nowMs)) return 'network_limited';
    if (!this.#total.take(nowMs)) return 'total_limited';
    const request = decode(datagram);
    if (request === undefined || from.port === 0) return 'malformed';
    if (request.class !== 'request' || request.method !== BINDING_METHOD) {
      return 'not_a_binding_request';
    }
    const unknown = request.unknownRequired.filter(
      (type) => type !== CHANGE_REQUEST || inlet.others === undefined,
    );
    if (unknown.length > 0) {
      inlet.outlet.send(encodeUnknownAttributes(request.transactionId, unknown), from);
      return 'unknown_attribute';
    }
    answer(request, from, inlet);
    return 'answered';
  }

  #bucketOf(host: string, nowMs: number): TokenBucket {
    const network = networkOf(host, NETWORK_BITS);
    let bucket = this.#networks.get(network);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#settings.perNetwork, nowMs);
      this.#networks.set(network, bucket);
    }
    return bucket;
  }
}

interface Request extends StunMessage {
  readonly changeRequest: ChangeRequest | undefined;
}

function decode(datagram: Uint8Array): Request | undefined {
  try {
    const message = decodeStunMessage(datagram);
    if (message.hasFingerprint && !verifyFingerprint(datagram)) return undefined;
    return { ...message, changeRequest: readStunDiscovery(datagram).changeRequest };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function answer(request: Request, from: Endpoint, inlet: StunInlet): void {
  const mapped = { host: plainHost(from.host), port: from.port };
  const short = encodeBindingResponse(request.transactionId, mapped);
  const { others } = inlet;
  if (others === undefined) {
    inlet.outlet.send(short, from);
    return;
  }
  const outlet = changedOutlet(inlet, request.changeRequest);
  let long = appendAddress(short, MAPPED_ADDRESS, mapped);
  long = appendAddress(long, RESPONSE_ORIGIN, outlet.endpoint);
  outlet.send(appendAddress(long, OTHER_ADDRESS, others.both.endpoint), from);
}

/** RFC 5780, table 1. */
function changedOutlet(
  { outlet, others }: StunInlet,
  change: ChangeRequest | undefined,
): StunOutlet {
  if (others === undefined || change === undefined) return outlet;
  if (change.address) return change.port ? others.both : others.address;
  return change.port ? others.port : outlet;
}
