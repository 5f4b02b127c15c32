import type { IncomingMessage } from 'node:http';

import { type RawData, WebSocket } from 'ws';

import { describeError } from '../base/pilot-error.ts';
import type { Dial, DialEnd, DialHandlers } from './dial.ts';
import { SUBPROTOCOL } from './protocol.ts';
import { RelayError, type RelayErrorCode } from './relay-error.ts';
import { sharedLookup } from './shared-lookup.ts';

const lookup = sharedLookup();

/** `Dial` over a real WebSocket. */
export const dialWebSocket: Dial = ({ href, ca, maxFrameBytes }, handlers) => {
  const socket = new WebSocket(href, SUBPROTOCOL, {
    perMessageDeflate: false,
    maxPayload: maxFrameBytes,
    lookup,
    ...(ca !== undefined && { ca }),
  });
  listen(socket, handlers);
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: (frame) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame);
    },
    close: () => {
      socket.close(1000);
    },
    terminate: () => {
      socket.terminate();
    },
  };
};

function listen(socket: WebSocket, handlers: DialHandlers): void {
  let failure: RelayError | undefined;
  socket.on('open', () => {
    handlers.opened();
  });
  socket.on('message', (data: RawData) => {
    handlers.frame(data as Buffer);
  });
  socket.on('unexpected-response', (_request, response: IncomingMessage) => {
    failure = refusedByHttp(response.statusCode ?? 0);
    socket.terminate();
  });
  socket.on('error', (error) => {
    failure ??= dialFailureOf(error);
  });
  socket.on('close', (closeCode, reason) => {
    const end: DialEnd =
      failure === undefined ? { closeCode, reason: reason.toString() } : { error: failure };
    handlers.ended(end);
  });
}

const NOT_A_RELAY_HINT = 'Check host and port: what answers there is not a pilot relay.';

function refusedByHttp(status: number): RelayError {
  if (status === 503) return new RelayError('busy', 'the relay has no room now (HTTP 503)');
  const message = `what answers there is not a relay (HTTP ${status})`;
  return new RelayError('protocol', message, { hint: NOT_A_RELAY_HINT });
}

const CODES: Readonly<Record<string, RelayErrorCode>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'lost',
  EPIPE: 'lost',
  EPROTO: 'protocol',
};

const HINTS: Partial<Record<RelayErrorCode, string>> = {
  refused: 'Nothing listens there: check host and port, and that pilot-relay runs.',
  dns: 'The name cannot be resolved: check it and the network.',
  unreachable: 'There is no way to that host: check the network.',
  certificate:
    'For a private certificate authority give its file (protocol.connection.relay_ca_file); otherwise the relay needs a valid certificate.',
  protocol: NOT_A_RELAY_HINT,
};

/** Why a connection to a relay did not come about, from what Node's sockets throw. */
export function dialFailureOf(error: Error): RelayError {
  const systemCode = (error as NodeJS.ErrnoException).code ?? '';
  const code = CODES[systemCode] ?? (isCertificateError(systemCode) ? 'certificate' : 'protocol');
  // Of several addresses tried, the message of the whole is empty.
  const reason = describeError(error) || systemCode;
  return new RelayError(code, reason, { hint: HINTS[code], cause: error });
}

/** The verification results of OpenSSL and the name check of Node have no prefix in common. */
function isCertificateError(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|HOSTNAME_MISMATCH|INVALID_CA|CRL/.test(
    code,
  );
}
