/**
 * Tells whoever asks from which address the question came (STUN Binding, RFC 8489), so that nodes behind a
 * NAT learn their outer address.
 *
 * It answers anybody, so it must be of no use for flooding others: only Binding requests are answered, with
 * XOR-MAPPED-ADDRESS and nothing else. A request of 20 bytes gets 32 (IPv4, 1.6 times) or 44 (IPv6, 2.2
 * times), at a bounded rate for each network of the supposed askers and for all together.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import { type Endpoint, formatEndpoint } from '../base/endpoint.ts';
import { networkOf, plainHost } from '../base/ip-address.ts';
import { describeError, PilotError } from '../base/pilot-error.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import { WireError } from '../base/wire-error.ts';
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
  /** It asks for something that must be understood, as a change of address (RFC 5780). */
  | 'unknown_attribute';

/** Where answers go. `send` takes responsibility for errors: there is nobody to tell. */
export interface DatagramSender {
  send(bytes: Uint8Array, to: Endpoint): void;
}

/** A whole /24 or /56 usually has one owner, who can ask from any address in it. */
const NETWORK_BITS = { v4: 24, v6: 56 };

export class StunServer {
  readonly #socket: DatagramSender;
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

  constructor(deps: {
    readonly socket: DatagramSender;
    readonly clock: Clock;
    readonly settings?: StunServerSettings;
  }) {
    this.#socket = deps.socket;
    this.#clock = deps.clock;
    this.#settings = deps.settings ?? DEFAULT_STUN_SERVER_SETTINGS;
    this.#total = new TokenBucket(this.#settings.total, this.#clock.monotonic());
    this.#networks = new BoundedMap(this.#settings.maxNetworks);
  }

  get counters(): Readonly<Record<StunOutcome, number>> {
    return this.#counters;
  }

  /** A datagram from the network; `from` as the socket names it. Never throws for what is in it. */
  receive(datagram: Uint8Array, from: Endpoint): void {
    this.#counters[this.#handle(datagram, from)] += 1;
  }

  #handle(datagram: Uint8Array, from: Endpoint): StunOutcome {
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
    if (request.unknownRequired.length > 0) return 'unknown_attribute';
    const mapped = { host: plainHost(from.host), port: from.port };
    this.#socket.send(encodeBindingResponse(request.transactionId, mapped), from);
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

function decode(datagram: Uint8Array): StunMessage | undefined {
  try {
    const message = decodeStunMessage(datagram);
    return message.hasFingerprint && !verifyFingerprint(datagram) ? undefined : message;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

export interface BoundStunServer {
  readonly server: StunServer;
  /** Where it listens, with the port that the system chose for 0. */
  readonly endpoint: Endpoint;
  /** May be called twice. */
  close(): Promise<void>;
}

/** A server on a UDP socket of its own; `::` takes IPv4 as well. PilotError when the place is taken. */
export async function bindStunServer(
  endpoint: Endpoint,
  clock: Clock,
  settings?: StunServerSettings,
): Promise<BoundStunServer> {
  const socket = createSocket(endpoint.host.includes(':') ? 'udp6' : 'udp4');
  await listen(socket, endpoint);
  // An unreachable asker is not our failure, and nobody waits for the answer.
  socket.on('error', () => undefined);
  const sender: DatagramSender = {
    send: (bytes, { host, port }) => {
      socket.send(bytes, port, host, () => undefined);
    },
  };
  const server = new StunServer({ socket: sender, clock, ...(settings && { settings }) });
  socket.on('message', (datagram, { address, port }) => {
    server.receive(datagram, { host: address, port });
  });
  const { address, port } = socket.address();
  let closed: Promise<void> | undefined;
  return {
    server,
    endpoint: { host: address, port },
    close: async () => (closed ??= closeSocket(socket)),
  };
}

async function listen(socket: Socket, endpoint: Endpoint): Promise<void> {
  try {
    socket.bind(endpoint.port, endpoint.host);
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw new PilotError(
      'unavailable',
      `cannot listen for STUN at ${formatEndpoint(endpoint)}: ${describeError(error)}`,
      { hint: 'choose another address or port with --stun', cause: error },
    );
  }
}

async function closeSocket(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.close();
  await closed;
}
