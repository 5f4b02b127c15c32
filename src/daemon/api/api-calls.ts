/**
 * Calls of the local API over one kept connection (`GET /v1/calls`), many at once:
 *
 *     bytes ──> line ──> call ──> answered at once ───────────────> answer ──one write a turn──> socket
 *       ^                  └────> in flight ── done, cancelled ───────^                            │
 *       └── no more is read while the socket is full, nor looked at ───────────────────────────────┘
 *
 * A route does here what it does over HTTP. What a line means only this stream knows: one that cannot be
 * laid to a call gets an error without a number, and ends it.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { CALL_STREAM_LIMIT_HEADER, CALL_STREAM_PROTOCOL, ROUTES } from '../../client/api.ts';
import type { Log } from '../log/log.ts';
import { ApiCallConnection, type ApiCallConnectionDeps } from './api-call-connection.ts';
import { stopping, unknownRoute } from './api-errors.ts';
import { parseRequest } from './api-request.ts';
import type { AnyHandler } from './api-routes.ts';
import type { RouteName } from './api-schemas.ts';
import { acceptUpgrade, notUpgraded, offersUpgrade, refuseUpgrade } from './api-upgrade.ts';

export interface ApiCallsDeps {
  readonly handlers: ReadonlyMap<RouteName, AnyHandler>;
  readonly clock: Clock;
  readonly log: Log;
  readonly logRequests: boolean;
  readonly maxLineBytes: number;
  readonly version: string;
}

export class ApiCalls {
  readonly #deps: ApiCallConnectionDeps;
  readonly #version: string;
  readonly #connections = new Set<ApiCallConnection>();
  /** Of these, and of who was refused and has not closed: the HTTP server waits for all of them. */
  readonly #sockets = new Set<Duplex>();
  #isStopping = false;

  constructor({ version, ...deps }: ApiCallsDeps) {
    this.#deps = deps;
    this.#version = version;
  }

  /** The `upgrade` event of an HTTP server: `head` is what came after the request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // The HTTP server has let go of it: an error that nobody listens to would end the process.
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    try {
      this.#check(request);
    } catch (error) {
      if (!(error instanceof PilotError)) throw error;
      refuseUpgrade(socket, error);
      return;
    }
    acceptUpgrade(socket, CALL_STREAM_PROTOCOL, {
      [CALL_STREAM_LIMIT_HEADER]: this.#deps.maxLineBytes,
    });
    const connection = new ApiCallConnection(socket, this.#deps);
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
    });
    connection.start(head);
  }

  /** Calls in flight end with `unavailable`; each connection ends when its answers have left. */
  stop(): void {
    this.#isStopping = true;
    for (const connection of this.#connections) connection.stop();
  }

  /** Closes what `stop` could not end. */
  closeAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #check(request: IncomingMessage): void {
    const { method = '', url = '' } = request;
    const [path = '', query = ''] = url.split('?', 2);
    const route = ROUTES.calls;
    if (path !== route.path || method !== route.method) {
      throw unknownRoute(method, url, this.#version);
    }
    if (!offersUpgrade(request, CALL_STREAM_PROTOCOL)) {
      throw notUpgraded('calls', CALL_STREAM_PROTOCOL);
    }
    const members = Object.fromEntries(new URLSearchParams(query));
    parseRequest('calls', { params: {}, query: members, body: undefined });
    if (this.#isStopping) throw stopping();
  }
}
