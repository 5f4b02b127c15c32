import { Agent, type IncomingMessage } from 'node:http';

import { describeError, ERROR_CODES, type ErrorCode, PilotError } from '../base/pilot-error.ts';
import { type Answer, exchange, type ExchangeRequest, StaleConnection } from './exchange.ts';

export interface ApiCall {
  readonly route: { readonly method: string; readonly path: string };
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: object;
  readonly body?: object;
  /** How long the daemon was asked to wait before it answers; comes on top of the time limit. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportSettings {
  readonly socketPath: string;
  /** Calls in flight at once; more wait for their turn. */
  readonly maxConnections: number;
  /** A daemon that does not answer for this long is not there. */
  readonly timeoutMs: number;
}

/** Calls that wait for a peer have connections of their own, so that they never hold up quick ones. */
const MAX_WAITING_CONNECTIONS = 256;
/** As the daemon has it (`HomePaths`). Checked here because a longer path would be cut, not refused. */
const MAX_SOCKET_PATH_BYTES = 103;

/** HTTP/1.1 over the daemon's Unix socket, on connections that are kept. Throws `PilotError`, or the signal's reason. */
export class Transport {
  readonly #settings: TransportSettings;
  readonly #quick: Agent;
  readonly #waiting: Agent;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.#quick = new Agent({ keepAlive: true, maxSockets: settings.maxConnections });
    this.#waiting = new Agent({ keepAlive: true, maxSockets: MAX_WAITING_CONNECTIONS });
  }

  get socketPath(): string {
    return this.#settings.socketPath;
  }

  async json<Reply>(call: ApiCall): Promise<Reply> {
    return parseJson(await this.text(call), this.socketPath) as Reply;
  }

  async text(call: ApiCall): Promise<string> {
    const agent = (call.waitMs ?? 0) > 0 ? this.#waiting : this.#quick;
    return (await this.#answer(call, agent, false)).text;
  }

  /** An answer that goes on for long: the head has arrived, the body is the caller's to read and to destroy. */
  async stream(call: ApiCall): Promise<IncomingMessage> {
    return (await this.#answer(call, false, true)).response;
  }

  /** Closes every connection; calls in flight fail. */
  close(): void {
    this.#quick.destroy();
    this.#waiting.destroy();
  }

  async #answer(call: ApiCall, agent: Agent | false, streamed: boolean): Promise<Answer> {
    checkPath(this.socketPath);
    const request: ExchangeRequest = {
      socketPath: this.socketPath,
      agent,
      method: call.route.method,
      path: urlOf(call),
      body: call.body && JSON.stringify(call.body),
      limitMs: this.#settings.timeoutMs + (call.waitMs ?? 0),
      signal: call.signal,
      streamed,
    };
    try {
      const answer = await exchange(request).catch(async (error: unknown) => {
        // Every call may be repeated: a message carries its own id.
        if (error instanceof StaleConnection) return exchange({ ...request, agent: false });
        throw error;
      });
      if (answer.status < 400) return answer;
      throw failureOf(answer, call.route);
    } catch (error) {
      call.signal?.throwIfAborted();
      throw asPilotError(error, this.socketPath);
    }
  }
}

function checkPath(socketPath: string): void {
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH_BYTES) return;
  throw new PilotError('invalid_argument', `too long for a socket: ${socketPath}`, {
    hint: `at most ${MAX_SOCKET_PATH_BYTES} bytes: choose a shorter PILOT_HOME`,
  });
}

function urlOf({ route, params, query }: ApiCall): string {
  const path =
    params === undefined
      ? route.path
      : route.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  if (query === undefined) return path;
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) search.set(key, String(value));
  }
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

function parseJson(text: string, socketPath: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PilotError('internal', `what answers at ${socketPath} does not speak our API`, {
      hint: 'is it the socket of another program?',
      cause,
    });
  }
}

function failureOf({ status, text }: Answer, route: ApiCall['route']): PilotError {
  let body: { code?: unknown; message?: unknown; hint?: unknown } = {};
  try {
    body = Object(JSON.parse(text)) as typeof body;
  } catch {
    // Not ours; what is known is the status.
  }
  const message = typeof body.message === 'string' ? body.message : `HTTP status ${status}`;
  if (isErrorCode(body.code)) {
    const options = typeof body.hint === 'string' ? { hint: body.hint } : {};
    return new PilotError(body.code, message, options);
  }
  if (status === 404 || status === 405) {
    return new PilotError(
      'not_supported',
      `this daemon does not know ${route.method} ${route.path}`,
      { hint: 'it is of another version: pilotctl daemon stop, then pilotctl daemon start' },
    );
  }
  return new PilotError('internal', message);
}

function isErrorCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}

/** Which system errors of connecting to a Unix socket the user can do something about. */
function asPilotError(error: unknown, socketPath: string): PilotError {
  if (error instanceof PilotError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new PilotError('not_running', `no daemon answers at ${socketPath}`, {
      hint: 'start one: pilotctl daemon start',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new PilotError('permission_denied', `may not open ${socketPath}`, {
      hint: 'the daemon of another user: set PILOT_HOME to a home of your own',
      cause: error,
    });
  }
  return new PilotError('connection_failed', `the daemon hung up: ${describeError(error)}`, {
    hint: 'see: pilotctl daemon status',
    cause: error,
  });
}
