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

import type { Clock } from '../base/clock.ts';
import { PilotError } from '../base/pilot-error.ts';
import { CALL_STREAM_LIMIT_HEADER, CALL_STREAM_PROTOCOL, ROUTES } from '../client/api.ts';
import { ApiCallConnection, type ApiCallConnectionDeps } from './api-call-connection.ts';
import { endWithFailure, stopping, unknownRoute } from './api-errors.ts';
import { parseRequest } from './api-request.ts';
import type { AnyHandler } from './api-routes.ts';
import type { RouteName } from './api-schemas.ts';
import type { Log } from './log.ts';

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
  #isStopping = false;

  constructor({ version, ...deps }: ApiCallsDeps) {
    this.#deps = deps;
    this.#version = version;
  }

  /** The `upgrade` event of an HTTP server: `head` is what came after the request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // The HTTP server has let go of it: an error that nobody listens to would end the process.
    socket.on('error', () => undefined);
    try {
      this.#check(request);
    } catch (error) {
      if (!(error instanceof PilotError)) throw error;
      endWithFailure(socket, error);
      // Ours is the half that ends it.
      socket.resume();
      return;
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${CALL_STREAM_PROTOCOL}\r\n` +
        `${CALL_STREAM_LIMIT_HEADER}: ${this.#deps.maxLineBytes}\r\n\r\n`,
    );
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
    for (const connection of this.#connections) connection.close();
  }

  #check({ method = '', url = '', headers }: IncomingMessage): void {
    const [path = '', query = ''] = url.split('?', 2);
    const route = ROUTES.calls;
    if (path !== route.path || method !== route.method) {
      throw unknownRoute(method, url, this.#version);
    }
    const offered = (headers.upgrade ?? '').split(',').map((name) => name.trim().toLowerCase());
    if (!offered.includes(CALL_STREAM_PROTOCOL)) throw notUpgraded();
    const members = Object.fromEntries(new URLSearchParams(query));
    parseRequest('calls', { params: {}, query: members, body: undefined });
    if (this.#isStopping) throw stopping();
  }
}

/** Also what `GET /v1/calls` gets that asks for no upgrade. */
export function notUpgraded(): PilotError {
  const { method, path } = ROUTES.calls;
  return new PilotError('invalid_argument', `${method} ${path} has to be upgraded`, {
    hint: `send Connection: upgrade and Upgrade: ${CALL_STREAM_PROTOCOL}`,
  });
}
