import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { type ErrorCode, PilotError } from '../../base/pilot-error.ts';
import { type ApiFailure, ROUTES } from '../../client/api.ts';

/** The HTTP status of each code; clients branch on the code. */
export const STATUS_BY_CODE: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  auth_required: 401,
  permission_denied: 403,
  trust_required: 403,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  expired: 410,
  internal: 500,
  not_supported: 501,
  connection_failed: 502,
  connection_refused: 502,
  not_running: 503,
  unavailable: 503,
  timeout: 504,
};

export function failureOf(error: PilotError): ApiFailure {
  const { code, message, hint } = error;
  return hint === undefined ? { code, message } : { code, message, hint };
}

/** What a caller is told about anything thrown: what is not meant for users stays in the log. */
export function asPilotError(error: unknown, maxBodyBytes: number): PilotError {
  if (error instanceof PilotError) return error;
  const { code, statusCode } = httpDetails(error);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return tooLarge(maxBodyBytes, error);
  }
  if (error instanceof Error && statusCode >= 400 && statusCode < 500) {
    return new PilotError('invalid_argument', error.message, { cause: error });
  }
  return new PilotError('internal', 'the daemon made a mistake', {
    hint: "the daemon's log has the details",
    cause: error,
  });
}

export function tooLarge(maxBytes: number, cause: unknown): PilotError {
  return new PilotError('invalid_argument', `the request is over ${maxBytes} bytes`, {
    hint: 'messaging.max_payload_kb in the configuration sets how much a message may hold',
    cause,
  });
}

function httpDetails(error: unknown): { code: string; statusCode: number } {
  const { code, statusCode } = Object(error) as { code?: unknown; statusCode?: unknown };
  return {
    code: typeof code === 'string' ? code : '',
    statusCode: typeof statusCode === 'number' ? statusCode : 0,
  };
}

/** Clients of another version meet this, so it is no `not_found`. */
export function unknownRoute(method: string, url: string, version: string): PilotError {
  const path = url.replace(/\?.*/s, '');
  const methods = Object.values(ROUTES)
    .filter((route) => new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`).test(path))
    .map((route) => route.method);
  return new PilotError('not_supported', `there is no ${method} ${path.slice(0, 100)}`, {
    hint:
      methods.length > 0
        ? `it takes ${methods.join(' and ')}`
        : `/openapi.json lists the routes of this daemon (version ${version})`,
  });
}

/** What Node's HTTP parser refuses never becomes a request. */
export function refuseMalformedHttp(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  endWithFailure(socket, new PilotError('invalid_argument', 'malformed HTTP request'));
}

/** The answer to a request that fastify never saw, or has let go of. */
export function endWithFailure(socket: Duplex, error: PilotError): void {
  const failure = JSON.stringify(failureOf(error));
  const status = STATUS_BY_CODE[error.code];
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\n` +
      'content-type: application/json; charset=utf-8\r\n' +
      `content-length: ${Buffer.byteLength(failure)}\r\n\r\n${failure}`,
  );
}

export function stopping(): PilotError {
  return new PilotError('unavailable', 'the daemon is stopping', {
    hint: 'start it again: pilotctl daemon start',
  });
}

export function cancelled(): PilotError {
  return new PilotError('connection_failed', 'the client cancelled the call');
}

export function hungUp(): PilotError {
  return new PilotError('connection_failed', 'the client hung up');
}
