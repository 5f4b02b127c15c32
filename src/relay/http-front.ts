import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

import type { RelayLimits } from './limits.ts';

export interface TlsFiles {
  /** PEM, the relay's own certificate first. */
  readonly cert: string;
  readonly key: string;
}

export interface HttpFrontOptions {
  readonly limits: RelayLimits;
  readonly tls: TlsFiles | undefined;
  readonly isDraining: () => boolean;
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  /** A request could not be answered. */
  readonly failed: (error: unknown) => void;
}

/** A request line and headers of ours take half a kilobyte; proxies add some. */
const MAX_HEADER_BYTES = 8192;

export type HttpFront = Server | TlsServer;

/** The HTTP side of the relay's port: `/healthz`, `/metrics`, and 404 for everything else. */
export function createHttpFront(options: HttpFrontOptions): HttpFront {
  const settings = {
    // The server has one deadline for whoever has not logged in, and counts whom it cuts off.
    headersTimeout: 0,
    requestTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Small frames wait for nobody: corking, not Nagle, puts together what belongs together.
    noDelay: true,
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    respond(options, request, response).catch((error: unknown) => {
      options.failed(error);
      response.writeHead(500, { connection: 'close' });
      response.end();
    });
  };
  if (options.tls === undefined) return createServer(settings, answer);
  const handshakeTimeout = options.limits.maxLoginSeconds * 1000;
  const tls = { ...options.tls, minVersion: 'TLSv1.2', handshakeTimeout } as const;
  return createTlsServer({ ...settings, ...tls }, answer);
}

async function respond(
  options: HttpFrontOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reply = (status: number, type: string, body: string): void => {
    // Nobody keeps a connection that has not logged in.
    response.writeHead(status, { 'content-type': type, connection: 'close' });
    response.end(request.method === 'HEAD' ? '' : body);
  };
  const path = request.url?.split('?', 1)[0];
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && path === '/healthz') {
    const isDraining = options.isDraining();
    const status = isDraining ? 'draining' : 'ok';
    reply(isDraining ? 503 : 200, 'application/json', `${JSON.stringify({ status })}\n`);
  } else if (isRead && path === '/metrics') {
    const { type, text } = await options.metrics();
    reply(200, type, text);
  } else {
    reply(404, 'text/plain', 'not found\n');
  }
}

/** Turns away a connection there is no room for; over TLS it can only be cut. */
export function turnAway(socket: Socket, isTls: boolean): void {
  if (isTls) {
    socket.destroy();
    return;
  }
  const response =
    'HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
  socket.on('error', () => undefined);
  socket.end(response, () => {
    socket.destroy();
  });
}
