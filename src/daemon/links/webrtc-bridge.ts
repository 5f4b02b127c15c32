/**
 * Where the library believes its peer to be: a socket on loopback that does ICE with it and passes DTLS on.
 *
 *     library <── loopback: ICE, DTLS ──> bridge <── DTLS alone ──> the pair that src/ice has found ──> peer
 *
 * So channels run over the node's own UDP sockets, and whatever NAT these got through.
 */
import { createSocket, type Socket } from 'node:dgram';

import type { Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { IceCredentials } from '../../ice/check-message.ts';
import { endpointKey } from '../../ice/endpoint-key.ts';
import { IceAgent } from '../../ice/ice-agent.ts';
import { StunRouter } from '../../ice/stun-router.ts';
import { isDtls } from './webrtc-demux.ts';

const HOST = '127.0.0.1';
const BASE = 'bridge';
/** Of the peer, before the library hears; one flight of DTLS has less. */
const MAX_HELD = 8;
/** As much as the congestion window may bring at once. */
const SOCKET_BUFFER_BYTES = 1024 * 1024;
/** There is one pair, and the library is its own process: it is slow rather than gone. */
const ICE = {
  ...{ taMs: 20, settleMs: 0, allowLoopback: true },
  consent: { intervalMs: 5000, retryMs: 500, silenceMs: 10_000, lifetimeMs: 30_000 },
} as const;

export interface BridgeHandlers {
  /** It has an endpoint: `connect` may be called. */
  bound(): void;
  /** From the library, for the peer. */
  dtls(bytes: Uint8Array): void;
  /** The library is not there any more, or this socket. Perhaps more than once. */
  lost(): void;
}

export class WebRtcBridge {
  readonly #deps: { readonly clock: Clock; readonly random: RandomBytes };
  readonly #handlers: BridgeHandlers;
  readonly #socket: Socket;
  readonly #router = new StunRouter();
  #agent: IceAgent | undefined;
  /** Has shown that it knows the password. */
  #library: Endpoint | undefined;
  #held: Uint8Array[] | undefined = [];
  #isBound = false;
  #isClosed = false;

  constructor(
    deps: { readonly clock: Clock; readonly random: RandomBytes },
    handlers: BridgeHandlers,
  ) {
    this.#deps = deps;
    this.#handlers = handlers;
    this.#socket = createSocket({ type: 'udp4', recvBufferSize: SOCKET_BUFFER_BYTES });
    this.#socket.on('message', (bytes, { address, port }) => {
      this.#receive(bytes, { host: address, port });
    });
    this.#socket.on('error', () => {
      if (!this.#isClosed) handlers.lost();
    });
    this.#socket.bind(0, HOST, () => {
      this.#isBound = true;
      if (!this.#isClosed) handlers.bound();
    });
  }

  /** Undefined until it is bound. */
  get endpoint(): Endpoint | undefined {
    return this.#isBound && !this.#isClosed
      ? { host: HOST, port: this.#socket.address().port }
      : undefined;
  }

  /** Waits for the library, which begins. Gives what it has to be told. Once. */
  connect(library: IceCredentials): IceCredentials {
    const lost = (): void => {
      this.#handlers.lost();
    };
    const agent = new IceAgent(
      {
        ...{ ...this.#deps, router: this.#router },
        send: (bytes, _base, to) => {
          this.#send(bytes, to);
        },
      },
      { role: 'controlled', settings: ICE },
      {
        candidate: ({ endpoint }, side) => {
          if (side === 'remote') this.#library ??= endpoint;
        },
        selected: () => undefined,
        ...{ failed: lost, consentLost: lost },
      },
    );
    agent.setRemote(library);
    this.#agent = agent;
    return agent.credentials;
  }

  /** The library hears DTLS. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) this.send(bytes);
  }

  /** From the peer, for the library. The bytes are copied: they may be a view of what the next one overwrites. */
  send(bytes: Uint8Array): void {
    if (this.#held === undefined) {
      if (this.#library !== undefined) this.#send(Buffer.from(bytes), this.#library);
    } else if (this.#held.length < MAX_HELD) this.#held.push(Buffer.from(bytes));
  }

  /** No handler is called any more. May be called twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#agent?.close();
    this.#socket.close();
  }

  #send(bytes: Uint8Array, to: Endpoint): void {
    // What the system does not take is lost, as on any wire.
    if (!this.#isClosed) this.#socket.send(bytes, to.port, to.host, () => undefined);
  }

  #receive(bytes: Uint8Array, from: Endpoint): void {
    if (this.#isClosed) return;
    if (!isDtls(bytes)) this.#router.receive(bytes, BASE, from);
    else if (this.#library !== undefined && endpointKey(from) === endpointKey(this.#library)) {
      this.#handlers.dtls(bytes);
    }
  }
}
