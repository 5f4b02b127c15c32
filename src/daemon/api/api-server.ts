import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

import type { Clock } from '../../base/clock.ts';
import { CALL_STREAM_PROTOCOL, EVENT_NAMES, ROUTES } from '../../client/api.ts';
import { STREAM_PROTOCOL } from '../../client/stream-api.ts';
import type { Log } from '../log/log.ts';
import type { NodeApi } from '../node/node-api.ts';
import { ApiCalls } from './api-calls.ts';
import {
  asPilotError,
  failureOf,
  hungUp,
  refuseMalformedHttp,
  STATUS_BY_CODE,
  stopping,
  unknownRoute,
} from './api-errors.ts';
import { parseBody, parseRequest } from './api-request.ts';
import { type AnyHandler, handlersByName } from './api-routes.ts';
import type { RouteName } from './api-schemas.ts';
import { ApiStreams, STREAM_ROUTES } from './api-streams.ts';
import { notUpgraded } from './api-upgrade.ts';
import { EventsStream } from './events-stream.ts';
import type { HostFacts } from './host-view.ts';
import { listenOnSocket } from './unix-listener.ts';

export interface ApiServerDeps {
  readonly node: NodeApi;
  readonly host: HostFacts;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly maxPayloadBytes: number;
  /** Writes a line per request; costs as much as a small request does. */
  readonly logRequests: boolean;
}

/** A payload's worst spelling in JSON is `\u0001` per byte (base64 takes 4/3); the rest is small. */
const BODY_BYTES_PER_PAYLOAD_BYTE = 6;
const BODY_BYTES_BESIDE_PAYLOAD = 16 * 1024;
/** Programs of one user: pilotctl opens one each, and every stream is one. */
const MAX_CONNECTIONS = 4096;
/** From the first byte of a request to its last. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long answers in flight may take to leave when the daemon stops. */
const STOP_TIMEOUT_MS = 2000;

type Respond = (request: FastifyRequest, reply: FastifyReply) => unknown;

/** The local API on its Unix socket: checks what comes in, calls the node, answers. */
export class ApiServer {
  readonly #deps: ApiServerDeps;
  readonly #app: FastifyInstance;
  readonly #handlers: ReadonlyMap<RouteName, AnyHandler>;
  readonly #calls: ApiCalls;
  readonly #streams: ApiStreams;
  readonly #events: EventsStream;
  readonly #maxBodyBytes: number;
  /** Requests that wait for a peer. */
  readonly #waiting = new Set<AbortController>();
  #openapi: string | undefined;
  #isStopping = false;
  #removeSocket: () => void = () => undefined;

  constructor(deps: ApiServerDeps) {
    this.#deps = deps;
    this.#maxBodyBytes =
      BODY_BYTES_PER_PAYLOAD_BYTE * deps.maxPayloadBytes + BODY_BYTES_BESIDE_PAYLOAD;
    this.#handlers = handlersByName(deps.node, deps.host);
    this.#calls = new ApiCalls({
      ...{ clock: deps.clock, log: deps.log, logRequests: deps.logRequests },
      ...{ handlers: this.#handlers, version: deps.host.version },
      maxLineBytes: this.#maxBodyBytes,
    });
    this.#streams = new ApiStreams(deps);
    this.#events = new EventsStream(deps.node.events, deps.clock);
    this.#app = fastify({
      logger: false,
      exposeHeadRoutes: false,
      bodyLimit: this.#maxBodyBytes,
      routerOptions: { maxParamLength: 256 },
      requestTimeout: REQUEST_TIMEOUT_MS,
      forceCloseConnections: 'idle',
      return503OnClosing: false,
      clientErrorHandler: refuseMalformedHttp,
      frameworkErrors: (error, request, reply) => {
        this.#fail(error, request, reply);
      },
    });
    this.#app.server.maxConnections = MAX_CONNECTIONS;
    this.#app.server.on('upgrade', (request, socket, head) => {
      if (!this.#streams.upgrade(request, socket, head)) this.#calls.upgrade(request, socket, head);
    });
    this.#prepare();
    this.#addRoutes();
  }

  /** Resolves when the socket is in its place and answers. */
  async start(): Promise<void> {
    await this.#app.ready();
    this.#removeSocket = await listenOnSocket(this.#app.server, this.#deps.host.socketPath);
  }

  /** Ends calls in flight with `unavailable` and every event stream, then closes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#removeSocket();
    this.#events.stop();
    this.#calls.stop();
    this.#streams.stop();
    for (const request of this.#waiting) request.abort(stopping());
    const cancel = this.#deps.clock.after(STOP_TIMEOUT_MS, () => {
      this.#calls.closeAll();
      this.#streams.closeAll();
      this.#app.server.closeAllConnections();
    });
    await this.#app.close();
    cancel();
  }

  #prepare(): void {
    const app = this.#app;
    // Whatever a client calls it, a body is JSON: `curl -d` without a header should just work.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      ['application/json', '*'],
      { parseAs: 'buffer' },
      (_request, body, done) => {
        try {
          done(null, parseBody(body as Buffer));
        } catch (error) {
          done(error as Error);
        }
      },
    );
    app.setErrorHandler((error, request, reply) => {
      this.#fail(error, request, reply);
    });
    app.setNotFoundHandler((request, reply) => {
      this.#fail(
        unknownRoute(request.method, request.url, this.#deps.host.version),
        request,
        reply,
      );
    });
    if (!this.#deps.logRequests) return;
    app.addHook('onResponse', (request, reply, done) => {
      const ms = Math.round(reply.elapsedTime * 10) / 10;
      const { method, url } = request;
      this.#deps.log.debug({ method, url, status: reply.statusCode, ms }, 'local API call');
      done();
    });
  }

  #addRoutes(): void {
    for (const [name, handler] of this.#handlers) {
      this.#addRoute(name, (request, reply) => {
        const parsed = parseRequest(name, request);
        const signal = (): AbortSignal => this.#signalOf(request, reply);
        return handler({
          ...parsed,
          get signal() {
            return signal();
          },
        });
      });
    }
    this.#addRoute('events', (request, reply) => {
      this.#streamEvents(request, reply);
    });
    this.#addRoute('calls', (request) => {
      parseRequest('calls', request);
      throw notUpgraded('calls', CALL_STREAM_PROTOCOL);
    });
    for (const name of STREAM_ROUTES) {
      this.#addRoute(name, (request) => {
        parseRequest(name, request);
        throw notUpgraded(name, STREAM_PROTOCOL);
      });
    }
    this.#addRoute('metrics', async (request, reply) => {
      parseRequest('metrics', request);
      const text = await this.#deps.metrics.text();
      return reply.type(this.#deps.metrics.contentType).send(text);
    });
    this.#addRoute('openapi', async (request, reply) => {
      parseRequest('openapi', request);
      this.#openapi ??= await openapiText(this.#deps.host.version);
      return reply.type('application/json; charset=utf-8').send(this.#openapi);
    });
  }

  #addRoute(name: RouteName, respond: Respond): void {
    const { method, path } = ROUTES[name];
    this.#app.route({
      method,
      url: path,
      handler: (request, reply) => {
        if (this.#isStopping) throw stopping();
        return respond(request, reply);
      },
    });
  }

  #signalOf(request: FastifyRequest, reply: FastifyReply): AbortSignal {
    const controller = new AbortController();
    this.#waiting.add(controller);
    onceOver(request, reply, () => {
      this.#waiting.delete(controller);
      if (!reply.raw.writableEnded) controller.abort(hungUp());
    });
    return controller.signal;
  }

  #streamEvents(request: FastifyRequest, reply: FastifyReply): void {
    const { query } = parseRequest('events', request);
    this.#events.ensureRoom();
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    reply.raw.flushHeaders();
    const leave = this.#events.add(reply.raw, query.types ?? EVENT_NAMES);
    onceOver(request, reply, leave);
  }

  #fail(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const shown = asPilotError(error, this.#maxBodyBytes);
    if (shown.code === 'internal') {
      const { method, url } = request;
      this.#deps.log.error({ err: shown.cause ?? shown, method, url }, 'a local API call failed');
    }
    void reply.code(STATUS_BY_CODE[shown.code]).send(failureOf(shown));
  }
}

/** An answer that waits for an earlier one on its connection does not hear itself that this closes. */
function onceOver(request: FastifyRequest, reply: FastifyReply, over: () => void): void {
  const { socket } = request.raw;
  const closed = (): void => {
    socket.off('close', closed);
    reply.raw.off('close', closed);
    over();
  };
  socket.once('close', closed);
  reply.raw.once('close', closed);
}

async function openapiText(version: string): Promise<string> {
  // Loaded when asked for: its schemas take memory that an idle daemon need not spend.
  const { openapiDocument } = await import('./openapi.ts');
  return JSON.stringify(openapiDocument(version));
}
