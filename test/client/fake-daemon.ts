import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage as HttpRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';

import { PilotError } from '../../src/base/pilot-error.ts';
import {
  CALL_STREAM_LIMIT_HEADER,
  CALL_STREAM_PROTOCOL,
  type EventMap,
  type EventName,
  type RouteName,
  ROUTES,
} from '../../src/client/api.ts';

export interface FakeCall {
  readonly route: RouteName;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** The connection it came on. */
  readonly socket: Duplex;
  /** Resolves when the client has given it up: cancelled, or hung up. */
  readonly givenUp: Promise<void>;
}

interface HttpCall extends FakeCall {
  readonly response: ServerResponse;
}

/** Gives the reply's body, or throws a PilotError; `undefined`: it gives no answer. */
export type FakeHandler = (call: FakeCall) => unknown;

/** What the events and metrics of a test are written to. */
export type FakeHttpHandler = (call: HttpCall) => unknown;

type FakeHandlers = Partial<
  Record<Exclude<RouteName, 'events' | 'metrics'>, FakeHandler> &
    Record<'events' | 'metrics', FakeHttpHandler>
>;

/** The local API on a Unix socket of its own, answered by the handlers a test gives: HTTP and the call stream. */
export class FakeDaemon {
  readonly home = mkdtempSync(path.join(tmpdir(), 'pilot-fake-'));
  readonly socketPath = path.join(this.home, 'pilotd.sock');
  readonly calls: FakeCall[] = [];
  readonly connections = new Set<Socket>();
  handlers: FakeHandlers;
  connectionCount = 0;
  maxLineBytes = 1_000_000;
  /** What a daemon answers that does not know the call stream. */
  refusal: { readonly status: number; readonly text: string } | undefined;
  #server: Server | undefined;
  readonly #subscribers = new Map<ServerResponse, readonly string[]>();

  constructor(handlers: FakeHandlers = {}) {
    this.handlers = handlers;
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      void this.#answer(request, response);
    });
    server.on('upgrade', (request, socket) => {
      if (request.url !== ROUTES.calls.path || this.refusal !== undefined) {
        const { status, text } = this.refusal ?? { status: 404, text: '' };
        socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
        return;
      }
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${CALL_STREAM_PROTOCOL}\r\n` +
          `${CALL_STREAM_LIMIT_HEADER}: ${this.maxLineBytes}\r\n\r\n`,
      );
      this.#serveCalls(socket);
    });
    server.on('connection', (socket) => {
      this.connectionCount += 1;
      this.connections.add(socket);
      // Once upgraded, nobody else listens.
      socket.on('error', () => undefined);
      socket.once('close', () => this.connections.delete(socket));
    });
    server.listen(this.socketPath);
    await once(server, 'listening');
    this.#server = server;
    return this;
  }

  callsTo(route: RouteName): FakeCall[] {
    return this.calls.filter((call) => call.route === route);
  }

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  emit<Name extends EventName>(name: Name, data: EventMap[Name]): void {
    this.emitRaw(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`, name);
  }

  emitRaw(text: string, name?: string): void {
    for (const [response, types] of this.#subscribers) {
      if (name === undefined || types.length === 0 || types.includes(name)) response.write(text);
    }
  }

  /** Cuts every connection and listens no more, as a killed process would. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.connections) socket.destroy();
    await closed;
  }

  async stop(): Promise<void> {
    await this.die();
    rmSync(this.home, { recursive: true, force: true });
  }

  async #answer(request: HttpRequest, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://pilotd');
    const found = match(request.method ?? '', url.pathname);
    if (found === undefined) {
      reply(response, 404, { statusCode: 404, error: 'Not Found', message: 'Route not found' });
      return;
    }
    const body = await readBody(request);
    const givenUp = new Promise<void>((resolve) => response.once('close', resolve));
    const { socket } = request;
    const call = { ...found, query: url.searchParams, body, socket, givenUp, response };
    this.calls.push(call);
    if (found.route === 'events' && this.handlers.events === undefined) {
      this.#subscribe(call);
      return;
    }
    try {
      const result = await this.#handle(call);
      if (result !== undefined) reply(response, 200, result);
    } catch (error) {
      reply(response, 400, failureBody(error));
    }
  }

  async #handle(call: FakeCall): Promise<unknown> {
    const handler = this.handlers[call.route] as FakeHandler | undefined;
    if (handler === undefined) throw new PilotError('internal', `no handler for ${call.route}`);
    return await handler(call);
  }

  #serveCalls(socket: Duplex): void {
    const givenUp = new Map<number, () => void>();
    socket.once('end', () => socket.end());
    socket.once('close', () => {
      for (const tell of givenUp.values()) tell();
    });
    createInterface(socket).on('line', (text) => {
      const line = JSON.parse(text) as StreamLine;
      if (line.cancel !== undefined) {
        givenUp.get(line.cancel)?.();
        return;
      }
      const { call: number, route, params = {}, query = {}, body = {} } = line;
      const call: FakeCall = {
        ...{ route, params, body, socket },
        query: new URLSearchParams(
          Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
        ),
        givenUp: new Promise((resolve) => givenUp.set(number, resolve)),
      };
      this.calls.push(call);
      void this.#handle(call).then(
        (result) => {
          if (result !== undefined) answer(socket, { call: number, reply: result });
        },
        (error: unknown) => {
          answer(socket, { call: number, error: failureBody(error) });
        },
      );
    });
  }

  #subscribe({ response, query }: HttpCall): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    this.#subscribers.set(response, (query.get('types') ?? '').split(',').filter(Boolean));
    response.once('close', () => this.#subscribers.delete(response));
  }
}

interface StreamLine {
  readonly cancel?: number;
  readonly call: number;
  readonly route: RouteName;
  readonly params?: Record<string, string>;
  readonly query?: Record<string, unknown>;
  readonly body?: Record<string, unknown>;
}

function answer(socket: Duplex, line: object): void {
  if (socket.writable) socket.write(`${JSON.stringify(line)}\n`);
}

function match(
  method: string,
  pathname: string,
): { route: RouteName; params: Record<string, string> } | undefined {
  for (const [route, { method: wanted, path: template }] of Object.entries(ROUTES)) {
    const pattern = new RegExp(`^${template.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const groups = pattern.exec(pathname);
    if (groups === null || method !== wanted) continue;
    const params = Object.entries(groups.groups ?? {}).map(
      ([name, value]) => [name, decodeURIComponent(value)] as const,
    );
    return { route: route as RouteName, params: Object.fromEntries(params) };
  }
  return undefined;
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' });
  response.end(isText ? body : JSON.stringify(body));
}

async function readBody(request: HttpRequest): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
}

function failureBody(error: unknown): object {
  if (!(error instanceof PilotError)) throw error;
  const { code, message, hint } = error;
  return { code, message, ...(hint !== undefined && { hint }) };
}
