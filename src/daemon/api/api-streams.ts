/**
 * Streams and datagrams of the local API: requests that are upgraded to frames (client/stream-framing.ts).
 *
 *     dial    ──> a peer's stream ─────────────────────────┐
 *     listen  ──> a port ──> OFFER ──> accept ──> a stream ┴──> FramedDuplex <──> PeerStream
 *     datagrams ──> a port ──> DATAGRAM both ways
 *     subscribe, publish ──> events, in DATA (client/event-frame.ts)
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { ROUTES } from '../../client/api.ts';
import { FramedDuplex } from '../../client/framed-duplex.ts';
import {
  STREAM_PEER_HEADER,
  STREAM_PORT_HEADER,
  STREAM_PROTOCOL,
} from '../../client/stream-api.ts';
import { STREAM_FRAME, streamFrame } from '../../client/stream-framing.ts';
import type { Log } from '../log/log.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import { pipeToPeer } from '../streams/pipe-to-peer.ts';
import type { NodePorts } from '../streams/port-calls.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import type { NodeTopics } from '../topics/topics.ts';
import { ApiDatagrams } from './api-datagrams.ts';
import { asPilotError, failureOf, hungUp, stopping } from './api-errors.ts';
import { parseRequest } from './api-request.ts';
import { ApiStreamOffers } from './api-stream-offers.ts';
import { ApiTopics } from './api-topics.ts';
import { acceptUpgrade, notUpgraded, offersUpgrade, refuseUpgrade } from './api-upgrade.ts';

export interface ApiStreamsDeps {
  readonly node: { readonly ports: NodePorts };
  readonly host: { readonly topics: NodeTopics };
  readonly clock: Clock;
  readonly log: Log;
}

export const STREAM_ROUTES = [
  'dialStream',
  'listenStreams',
  'acceptStream',
  'datagrams',
  'subscribeTopic',
  'publishTopics',
] as const;
type UpgradeName = (typeof STREAM_ROUTES)[number];

export class ApiStreams {
  readonly #deps: ApiStreamsDeps;
  readonly #offers: ApiStreamOffers;
  readonly #topics: ApiTopics;
  /** Each with how it ends when the daemon stops. */
  readonly #sockets = new Map<Duplex, () => void>();
  #isStopping = false;

  constructor(deps: ApiStreamsDeps) {
    this.#deps = deps;
    this.#offers = new ApiStreamOffers(deps);
    this.#topics = new ApiTopics(deps.host.topics);
  }

  /** False: the request is for somebody else. Otherwise the socket is taken care of. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const name = STREAM_ROUTES.find((one) => ROUTES[one].path === path);
    if (name === undefined || request.method !== ROUTES[name].method) return false;
    // The HTTP server has let go of it: an error that nobody listens to would end the process.
    socket.on('error', () => undefined);
    this.#sockets.set(socket, () => socket.end());
    socket.once('close', () => this.#sockets.delete(socket));
    this.#serve(name, { request, query, socket, head }).catch((error: unknown) => {
      this.#refuse(socket, error);
    });
    return true;
  }

  /** Streams, ports, and dials that are not answered yet, end with `unavailable`. */
  stop(): void {
    this.#isStopping = true;
    this.#offers.stop();
    for (const end of [...this.#sockets.values()]) end();
  }

  /** Closes what does not take its end. */
  closeAll(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  async #serve(name: UpgradeName, call: UpgradeCall): Promise<void> {
    const { request, query, socket, head } = call;
    if (this.#isStopping) throw stopping();
    if (!offersUpgrade(request, STREAM_PROTOCOL)) throw notUpgraded(name, STREAM_PROTOCOL);
    const raw = { params: {}, query: Object.fromEntries(new URLSearchParams(query)) };
    switch (name) {
      case 'dialStream':
        return this.#dial(parseRequest(name, { ...raw, body: undefined }).query, socket, head);
      case 'acceptStream': {
        const { stream } = parseRequest(name, { ...raw, body: undefined }).query;
        this.#join(this.#offers.take(stream), socket, head);
        return;
      }
      case 'listenStreams': {
        const { port } = parseRequest(name, { ...raw, body: undefined }).query;
        this.#offers.listen(port, { socket, head });
        this.#sockets.set(socket, () => {
          endWith(socket, stopping());
        });
        return;
      }
      case 'datagrams': {
        const { port } = parseRequest(name, { ...raw, body: undefined }).query;
        const datagrams = new ApiDatagrams(this.#deps.node.ports, socket);
        datagrams.start(port, head);
        this.#sockets.set(socket, () => {
          datagrams.close();
          endWith(socket, stopping());
        });
        return;
      }
      case 'subscribeTopic': {
        const wanted = parseRequest(name, { ...raw, body: undefined }).query;
        acceptUpgrade(socket, STREAM_PROTOCOL, {});
        this.#topics.subscribe(wanted, this.#framed(socket, head));
        return;
      }
      case 'publishTopics': {
        const { target } = parseRequest(name, { ...raw, body: undefined }).query;
        acceptUpgrade(socket, STREAM_PROTOCOL, {});
        this.#topics.publish(target, this.#framed(socket, head));
        return;
      }
    }
  }

  async #dial(
    query: { target: string; port: number; timeout_ms?: number },
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const controller = new AbortController();
    const gone = (): void => {
      controller.abort(hungUp());
    };
    socket.once('close', gone).once('end', gone);
    this.#sockets.set(socket, () => {
      controller.abort(stopping());
    });
    // Read, or its end is not seen; a client says nothing before the 101.
    const early: Buffer[] = [head];
    const keep = (chunk: Buffer): void => {
      early.push(chunk);
      socket.pause();
    };
    socket.on('data', keep);
    try {
      const options = { signal: controller.signal, timeoutMs: query.timeout_ms };
      const stream = await this.#deps.node.ports.dial(query.target, query.port, options);
      if (controller.signal.aborted) {
        stream.destroy();
        controller.signal.throwIfAborted();
      }
      this.#join(stream, socket, Buffer.concat(early));
    } finally {
      socket.off('close', gone).off('end', gone).off('data', keep);
    }
  }

  #join(stream: PeerStream, socket: Duplex, head: Buffer): void {
    acceptUpgrade(socket, STREAM_PROTOCOL, {
      [STREAM_PEER_HEADER]: nodeIdOf(stream.peer),
      [STREAM_PORT_HEADER]: stream.localPort,
    });
    joinDuplexes(stream, this.#framed(socket, head));
  }

  #framed(socket: Duplex, head: Buffer): FramedDuplex {
    const program = new FramedDuplex(socket, {
      head,
      errorOf: () => hungUp(),
      cut: hungUp,
      failureOf: (error) =>
        JSON.stringify(failureOf(error instanceof PilotError ? error : stopping())),
    });
    this.#sockets.set(socket, () => program.destroy(stopping()));
    return program;
  }

  #refuse(socket: Duplex, error: unknown): void {
    const shown = asPilotError(error, 0);
    if (shown.code === 'internal') {
      this.#deps.log.error({ err: shown.cause ?? shown }, 'a stream of the local API failed');
    }
    refuseUpgrade(socket, shown);
  }
}

/** For programs that have a port. They may be busy with what came before: nobody waits for them. */
function endWith(socket: Duplex, error: PilotError): void {
  const reset = streamFrame(STREAM_FRAME.reset, JSON.stringify(failureOf(error)));
  socket.end(reset, () => socket.destroy());
}

interface UpgradeCall {
  readonly request: IncomingMessage;
  readonly query: string;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Either one's halves end with the other's, and what breaks one breaks the other. */
function joinDuplexes(stream: PeerStream, local: FramedDuplex): void {
  const broken = (): void => {
    local.destroy(stream.errored ?? undefined);
  };
  stream.once('error', broken).once('close', () => {
    if (!stream.readableEnded || !stream.writableFinished) broken();
  });
  local.once('close', () => {
    if (!local.readableEnded || !local.writableFinished) stream.abandon('cancelled');
  });
  if (stream.destroyed) broken();
  stream.pipe(local);
  pipeToPeer(local, stream);
}
