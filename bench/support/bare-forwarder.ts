import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { type RawData, WebSocket, WebSocketServer } from 'ws';

/**
 * The least a relay could do, as the mark to measure against: two clients, whatever one sends goes to the
 * other. Gives its URL.
 */
export async function startBareForwarder(): Promise<string> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: false,
    maxPayload: 2 * 2 ** 20,
  });
  const clients: WebSocket[] = [];
  server.on('connection', (socket) => {
    clients.push(socket);
    socket.on('message', (data: RawData) => {
      for (const other of clients) if (other !== socket) other.send(data, { binary: true });
    });
    socket.on('close', () => {
      clients.splice(clients.indexOf(socket), 1);
    });
  });
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function connectBare(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}
