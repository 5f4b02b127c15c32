import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';

import { logIn, newClient, next, refusal, startRelay } from './support/relay-fixture.ts';

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test('nothing listens there: refused', async () => {
  const server = createServer();
  const url = await listen(server);
  server.close();
  await once(server, 'close');
  expect(await refusal({ url })).toBe('refused');
});

test('the name does not exist: dns', async () => {
  expect(await refusal({ url: 'ws://no-such-host.invalid:7443/' })).toBe('dns');
});

test.each([
  [404, 'protocol'],
  [200, 'protocol'],
  [301, 'protocol'],
  [503, 'busy'],
])('a web server that answers %i: %s', async (status, code) => {
  const url = await listen(
    createHttpServer((_request, response) => {
      response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end();
    }),
  );
  expect(await refusal({ url })).toBe(code);
});

test('something else that answers: protocol', async () => {
  const url = await listen(
    createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-OpenSSH_9.7\r\n');
    }),
  );
  expect(await refusal({ url })).toBe('protocol');
});

test('a WebSocket that is no relay: protocol', async () => {
  const server = createHttpServer();
  const webSockets = new WebSocketServer({ server, handleProtocols: () => false });
  webSockets.on('connection', (socket) => {
    socket.send('hello');
  });
  expect(await refusal({ url: await listen(server) })).toBe('protocol');
});

test('a relay that accepts and is silent: timeout', async () => {
  const url = await listen(
    createServer((socket) => {
      socket.on('error', () => undefined);
    }),
  );
  expect(await refusal({ url }, { settings: { loginTimeoutMs: 300 } })).toBe('timeout');
});

test('a relay that dies and comes back is found again', async () => {
  const relay = await startRelay();
  const { client, identity } = await logIn(relay);
  const lost = next(client, 'offline');
  await relay.server.stop();
  await lost;
  const online = next(client, 'online');
  await startRelay({ listen: { host: '127.0.0.1', port: relay.port } });
  await online;
  expect(client.state).toBe('online');
  const other = newClient(relay, { identity });
  await other.stop();
});
