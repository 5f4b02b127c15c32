import { setMaxListeners } from 'node:events';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';

import { describeError, ERROR_CODES, type ErrorCode, PilotError } from '../base/pilot-error.ts';

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

/** An inbox page with its payloads; a larger one is asked for in parts. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** Calls that wait for a peer have connections of their own, so that they never hold up quick ones. */
const MAX_WAITING_CONNECTIONS = 256;

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
    const text = await this.text(call);
    return parseJson(text, this.socketPath) as Reply;
  }

  async text(call: ApiCall): Promise<string> {
    const limitMs = this.#settings.timeoutMs + (call.waitMs ?? 0);
    const agent = (call.waitMs ?? 0) > 0 ? this.#waiting : this.#quick;
    return this.#guarded(call.signal, limitMs, async (signal) => {
      const response = await this.#exchange(call, agent, signal);
      return readBody(response, signal);
    });
  }

  /** An answer that goes on for long: the head has arrived, the body is the caller's to read and to destroy. */
  async stream(call: ApiCall): Promise<IncomingMessage> {
    return this.#guarded(call.signal, this.#settings.timeoutMs, async (signal) =>
      this.#exchange(call, false, signal),
    );
  }

  /** Closes every connection; calls in flight fail. */
  close(): void {
    this.#quick.destroy();
    this.#waiting.destroy();
  }

  async #guarded<T>(
    outer: AbortSignal | undefined,
    limitMs: number,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    outer?.throwIfAborted();
    // One signal may well stop hundreds of calls; that is no leak.
    if (outer !== undefined) setMaxListeners(0, outer);
    checkPath(this.socketPath);
    const stop = new AbortController();
    const cancel = (): void => {
      stop.abort(outer?.reason);
    };
    outer?.addEventListener('abort', cancel, { once: true });
    const timer = setTimeout(() => {
      stop.abort(silent(this.socketPath, limitMs));
    }, limitMs);
    try {
      return await run(stop.signal);
    } catch (error) {
      stop.signal.throwIfAborted();
      throw asPilotError(error, this.socketPath);
    } finally {
      clearTimeout(timer);
      outer?.removeEventListener('abort', cancel);
    }
  }

  async #exchange(
    call: ApiCall,
    agent: Agent | false,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    let response: IncomingMessage;
    try {
      response = await this.#once(call, agent, signal);
    } catch (error) {
      // The daemon closed a kept connection just as it was used again. Every call may be repeated: a
      // message carries its own id.
      if (!(error instanceof StaleConnection)) throw error;
      response = await this.#once(call, false, signal);
    }
    if ((response.statusCode ?? 500) >= 400) {
      throw failureOf(response.statusCode ?? 500, await readBody(response, signal), call.route);
    }
    return response;
  }

  async #once(call: ApiCall, agent: Agent | false, signal: AbortSignal): Promise<IncomingMessage> {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath: this.socketPath,
        agent,
        method: call.route.method,
        path: urlOf(call),
        headers: {
          host: 'pilotd',
          accept: 'application/json, text/event-stream;q=0.9, */*;q=0.1',
          ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
        },
      });
      const abort = (): void => {
        request.destroy(new Error('aborted'));
      };
      signal.addEventListener('abort', abort, { once: true });
      request.once('close', () => {
        signal.removeEventListener('abort', abort);
      });
      request.once('response', resolve);
      request.once('error', (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? '');
        reject(isStale ? new StaleConnection() : error);
      });
      if (signal.aborted) abort();
      else request.end(body);
    });
  }
}

class StaleConnection extends Error {}

function urlOf({ route, params = {}, query = {} }: ApiCall): string {
  const path = route.path.replace(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) search.set(key, String(value));
  }
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

async function readBody(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const abort = (): void => {
      response.destroy(new Error('aborted'));
    };
    signal.addEventListener('abort', abort, { once: true });
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > MAX_RESPONSE_BYTES) response.destroy(tooLarge());
    });
    response.once('end', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    response.once('error', reject);
    response.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(new Error('the answer was cut off'));
    });
    if (signal.aborted) abort();
  });
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

function failureOf(status: number, text: string, route: ApiCall['route']): PilotError {
  let body: { code?: unknown; message?: unknown; hint?: unknown } = {};
  try {
    body = Object(JSON.parse(text)) as typeof body;
  } catch {
    // Not ours; what is known is the status.
  }
  const message = typeof body.message === 'string' ? body.message : `HTTP status ${status}`;
  if (isErrorCode(body.code)) {
    return new PilotError(
      body.code,
      message,
      typeof body.hint === 'string' ? { hint: body.hint } : {},
    );
  }
  if (status === 404 || status === 405) {
    return new PilotError(
      'not_supported',
      `this daemon does not know ${route.method} ${route.path}`,
      {
        hint: 'it is of another version: pilotctl daemon stop, then pilotctl daemon start',
      },
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

/** What `sockaddr_un` has room for. Checked here because a longer path would be cut, not refused. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;

function checkPath(socketPath: string): void {
  if (Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH_BYTES) return;
  throw new PilotError('invalid_argument', `too long for a socket: ${socketPath}`, {
    hint: `at most ${MAX_SOCKET_PATH_BYTES} bytes: choose a shorter PILOT_HOME`,
  });
}

function silent(socketPath: string, limitMs: number): PilotError {
  return new PilotError(
    'timeout',
    `the daemon at ${socketPath} did not answer in ${limitMs / 1000} s`,
    {
      hint: 'see: pilotctl daemon status',
    },
  );
}

function tooLarge(): PilotError {
  return new PilotError('internal', 'the answer is larger than 64 MiB', {
    hint: 'ask for less at once, for example with a smaller limit',
  });
}
