/** Requests of the local API that go on as something else on their connection (RFC 9110, section 7.8). */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { PilotError } from '../../base/pilot-error.ts';
import { type RouteName, ROUTES } from '../../client/api.ts';
import { endWithFailure } from './api-errors.ts';

export function offersUpgrade({ headers }: IncomingMessage, protocol: string): boolean {
  const offered = (headers.upgrade ?? '').split(',').map((name) => name.trim().toLowerCase());
  return offered.includes(protocol);
}

/** The 101, with headers of its own. */
export function acceptUpgrade(
  socket: Duplex,
  protocol: string,
  headers: Readonly<Record<string, string | number>>,
): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n' +
      `upgrade: ${protocol}\r\n${lines.join('')}\r\n`,
  );
}

export function refuseUpgrade(socket: Duplex, error: PilotError): void {
  endWithFailure(socket, error);
  // Ours is the half that ends it.
  socket.resume();
}

/** Also what a request to such a route gets that asks for no upgrade. */
export function notUpgraded(route: RouteName, protocol: string): PilotError {
  const { method, path } = ROUTES[route];
  return new PilotError('invalid_argument', `${method} ${path} has to be upgraded`, {
    hint: `send Connection: upgrade and Upgrade: ${protocol}`,
  });
}
