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

import { PilotError } from '../../src/base/pilot-error.ts';
import { type EventMap, type EventName, ROUTES } from '../../src/client/api.ts';

type RouteName = keyof typeof ROUTES;

export interface FakeCall {
  readonly route: RouteName;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly request: HttpRequest;
  readonly response: ServerResponse;
}

/** Gives the reply's body, or throws a PilotError; `undefined`: it wrote to the response itself. */
export type FakeHandler = (call: FakeCall) => unknown;

/** The local API on a Unix socket of its own, answered by the handlers a test gives. */
export class FakeDaemon {
  readonly home = mkdtempSync(path.join(tmpdir(), 'pilot-fake-'));
  readonly socketPath = path.join(this.home, 'pilotd.sock');
  readonly calls: FakeCall[] = [];
  readonly connections = new Set<Socket>();
  handlers: Partial<Record<RouteName, FakeHandler>>;
  connectionCount = 0;
  #server: Server | undefined;
  readonly #subscribers = new Map<ServerResponse, readonly string[]>();

  constructor(handlers: Partial<Record<RouteName, FakeHandler>> = {}) {
    this.handlers = handlers;
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      void this.#answer(request, response);
    });
    server.on('connection', (socket) => {
      this.connectionCount += 1;
      this.connections.add(socket);
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
    server.closeAllConnections();
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
    const call = { ...found, query: url.searchParams, body, request, response };
    this.calls.push(call);
    if (found.route === 'events' && this.handlers.events === undefined) {
      this.#subscribe(call);
      return;
    }
    try {
      const handler = this.handlers[found.route];
      if (handler === undefined) throw new PilotError('internal', `no handler for ${found.route}`);
      const result = await handler(call);
      if (result !== undefined) reply(response, 200, result);
    } catch (error) {
      reply(response, 400, failureBody(error));
    }
  }

  #subscribe({ response, query }: FakeCall): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    this.#subscribers.set(response, (query.get('types') ?? '').split(',').filter(Boolean));
    response.once('close', () => this.#subscribers.delete(response));
  }
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
