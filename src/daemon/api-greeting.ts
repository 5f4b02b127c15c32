import type { Duplex } from 'node:stream';

import { STREAM_PROTOCOL } from '../client/stream-api.ts';

/** The 101 of a stream, with headers of its own. */
export function greet(socket: Duplex, headers: Readonly<Record<string, string | number>>): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n' +
      `upgrade: ${STREAM_PROTOCOL}\r\n${lines.join('')}\r\n`,
  );
}
