/**
 * The HTTP half of the proxy (RFC 9110, 7.6, and 9.3.6): CONNECT, and requests in absolute form, one for each
 * connection. A request in origin form is refused: a web page can make a browser send one, and only one of that kind.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';

import { type ErrorCode, PilotError } from '../../base/pilot-error.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import { joinStreams } from './join-streams.ts';
import { pilotAuthority, type PilotHost, pilotUrl } from './pilot-host.ts';

const MAX_HEADER_BYTES = 16 * 1024;
const VIA = '1.1 pilot';
/** RFC 9110, 7.6.1: for this connection alone; `Expect` has been answered by us. */
const HOP_BY_HOP = new Set([
  ...['connection', 'proxy-connection', 'keep-alive', 'te', 'transfer-encoding', 'upgrade'],
  ...['proxy-authorization', 'proxy-authenticate', 'expect', 'trailer'],
]);

export interface HttpProxyDeps {
  /** PilotError as of `NodePorts.dial`. */
  readonly dial: (to: PilotHost, signal: AbortSignal) => Promise<PeerStream>;
  /** The request of this connection is there, up to its body. */
  readonly asked: (socket: Duplex) => void;
}

export class HttpProxy {
  readonly #deps: HttpProxyDeps;
  readonly #server;

  constructor(deps: HttpProxyDeps) {
    this.#deps = deps;
    const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (incoming, response) => {
      deps.asked(incoming.socket);
      // Also told to the client; its connection ends with the answer.
      response.shouldKeepAlive = false;
      void this.#forward(incoming, response);
    });
    server.maxRequestsPerSocket = 1;
    server.on('connect', (incoming, socket, head) => {
      deps.asked(socket);
      void this.#tunnel(incoming, head);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      const isLarge = error.code === 'HPE_HEADER_OVERFLOW';
      const status = isLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
      if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
      else socket.destroy();
    });
    this.#server = server;
  }

  /** A connection of which nothing has been taken. */
  serve(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  async #tunnel({ url = '', socket }: IncomingMessage, head: Buffer): Promise<void> {
    const gone = goneWith(socket);
    try {
      const stream = await this.#deps.dial(pilotAuthority(url), gone);
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) socket.unshift(head);
      joinStreams(socket, stream);
    } catch (error) {
      const { status, text } = refusalOf(error);
      const length = Buffer.byteLength(text);
      socket.end(
        `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n` +
          `content-length: ${length}\r\n\r\n${text}`,
      );
      // What it did not wait with has to be read, or its end is not seen.
      socket.resume();
    }
  }

  async #forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const to = pilotUrl(incoming.url ?? '');
      const stream = await this.#deps.dial(to, goneWith(response));
      passOn(incoming, response, { ...to, stream });
    } catch (error) {
      refuse(response, error);
    }
  }
}

interface Upstream extends PilotHost {
  readonly path: string;
  readonly stream: PeerStream;
}

function passOn(incoming: IncomingMessage, response: ServerResponse, to: Upstream): void {
  const { stream, path, authority } = to;
  const headers = endToEnd(incoming.rawHeaders, new Set(['host']));
  // Its body has no length of its own: neither has ours.
  if (incoming.headers['transfer-encoding'] !== undefined) {
    headers.push('transfer-encoding', 'chunked');
  }
  const outgoing = request({
    ...{ method: incoming.method, path, createConnection: () => stream, setHost: false },
    headers: [...headers, 'host', authority, 'via', VIA, 'connection', 'close'],
  });
  response.once('close', () => {
    stream.destroy();
  });
  outgoing.once('error', (error) => {
    refuse(response, stream.errored ?? error);
  });
  // Nobody asked for that: `Upgrade` is for one connection. Unheard, it would be no answer, and no error either.
  outgoing.once('upgrade', () => {
    stream.destroy();
    refuse(response, switched());
  });
  outgoing.once('response', (answer) => {
    try {
      const passed = endToEnd(answer.rawHeaders);
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, [...passed, 'via', VIA]);
    } catch (error) {
      refuse(response, error);
      return;
    }
    pipeline(answer, response, (error) => {
      if (error) response.destroy();
    });
  });
  pipeline(incoming, outgoing, () => undefined);
}

/** Names and values in turn, without those that are for one connection, or named in `Connection`. */
function endToEnd(raw: readonly string[], without: ReadonlySet<string> = new Set()): string[] {
  const pairs: (readonly [name: string, value: string])[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at] ?? '', raw[at + 1] ?? '']);
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((name) => name.trim());
  const dropped = new Set([...HOP_BY_HOP, ...named, ...without]);
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase())).flat();
}

/** Aborted when the program has hung up. */
function goneWith(place: Socket | ServerResponse): AbortSignal {
  const gone = new AbortController();
  place.once('close', () => {
    gone.abort(new PilotError('connection_failed', 'the program hung up'));
  });
  return gone.signal;
}

function switched(): PilotError {
  return new PilotError('connection_failed', 'the service there switches to another protocol', {
    hint: 'reach it through a tunnel: CONNECT HOSTNAME.pilot:PORT',
  });
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid_argument: 400,
  permission_denied: 403,
  trust_required: 403,
  unavailable: 503,
  timeout: 504,
};

function refusalOf(error: unknown): { readonly status: number; readonly text: string } {
  if (!(error instanceof PilotError)) return { status: 502, text: 'the other side broke off\n' };
  const { code, message, hint } = error;
  const text = hint === undefined ? `${message}\n` : `${message}\n${hint}\n`;
  return { status: STATUS[code] ?? 502, text };
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, text } = refusalOf(error);
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}
