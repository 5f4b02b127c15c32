/**
 * A TCP service of this host on a virtual port. The peer names a port and nothing else; where that leads the
 * owner of this host has said.
 *
 *     OPEN ──allowed?──> connect to the service ──connected──> ACCEPT, joined
 *              └── no: connection_refused   └── no: service_unreachable
 */
import { connect, type Socket } from 'node:net';

import { type Endpoint, formatEndpoint } from '../../base/endpoint.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { IncomingStream } from '../streams/incoming-stream.ts';
import type { Listener } from '../streams/streams.ts';
import { type Exposure, isAllowed } from './exposure.ts';
import { joinStreams } from './join-streams.ts';
import { parseService, reasonOf } from './local-address.ts';
import type { TunnelDeps } from './tunnel-deps.ts';
import type { ExposeRule } from './tunnel-rule.ts';

/** Shorter than who dials waits (30 s, 10 s of a tunnel): that one hears which side it was. */
const CONNECT_MS = 8000;
/** Of all peers together; one peer may have 1,000 streams. */
const MAX_CONNECTIONS = 2000;

export class TcpExposure implements Exposure {
  readonly rule: ExposeRule;
  error = '';
  readonly #deps: TunnelDeps;
  readonly #connectTo: typeof connect;
  readonly #service: Endpoint;
  readonly #sockets = new Set<Socket>();
  #listener: Listener | undefined;

  constructor(deps: TunnelDeps, rule: ExposeRule, connectTo = connect) {
    this.#deps = deps;
    this.rule = rule;
    this.#connectTo = connectTo;
    this.#service = parseService(rule.to);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  open(): void {
    this.#listener = this.#deps.ports.listen(this.rule.port, (incoming) => {
      this.#onStream(incoming);
    });
  }

  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const socket of this.#sockets) {
      // A reset waits until there is something to reset.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  #onStream(incoming: IncomingStream): void {
    const { port } = this.rule;
    if (!isAllowed(this.rule, incoming.peer)) {
      // As where nothing is exposed: what there is, is not everybody's to know.
      this.#deps.log.info({ peer: nodeIdOf(incoming.peer), port }, 'not exposed to this node');
      incoming.refuse('connection_refused');
    } else if (this.#sockets.size >= MAX_CONNECTIONS) {
      incoming.refuse('busy');
    } else {
      this.#connect(incoming);
    }
  }

  #connect(incoming: IncomingStream): void {
    const socket = this.#connectTo({ ...this.#service, allowHalfOpen: true, noDelay: true });
    this.#sockets.add(socket);
    const cancel = this.#deps.clock.after(CONNECT_MS, () => {
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    });
    const onError = (error: Error): void => {
      this.#unreachable(incoming, reasonOf(error));
    };
    const onEnded = (): void => {
      incoming.refuse('connection_refused');
    };
    socket.once('error', onError);
    socket.once('close', onEnded);
    socket.once('close', () => {
      cancel();
      this.#sockets.delete(socket);
    });
    incoming.onGone = () => {
      socket.off('error', onError).on('error', () => undefined);
      socket.destroy();
    };
    socket.once('connect', () => {
      cancel();
      socket.off('error', onError).off('close', onEnded);
      this.error = '';
      const stream = incoming.accept();
      if (stream === undefined) socket.destroy();
      else joinStreams(socket, stream);
    });
  }

  #unreachable(incoming: IncomingStream, reason: string): void {
    incoming.refuse('service_unreachable');
    const service = formatEndpoint(this.#service);
    this.error = `the service ${service} of this host: ${reason}`;
    this.#deps.failed({
      ...{ kind: 'exposed', place: service, port: this.rule.port },
      ...{ target: nodeIdOf(incoming.peer), code: 'connection_failed', message: this.error },
    });
  }
}
