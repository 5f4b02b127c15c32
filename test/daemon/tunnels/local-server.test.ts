import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { expect, test } from 'vitest';

import { LocalServer } from '../../../src/daemon/tunnels/local-server.ts';
import { eventually } from '../../support/processes.ts';

const nothing = (): void => undefined;

test('closed while it opens, it gives the port back', async () => {
  const server = new LocalServer({ host: '127.0.0.1', port: 0 }, nothing);
  const opening = server.open();
  server.close();
  await opening;
  expect(server.port).toBe(0);
});

test('a port in use: the error says so, and the next try may succeed', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const server = new LocalServer({ host: '127.0.0.1', port }, nothing);
  await expect(server.open()).rejects.toMatchObject({ code: 'already_exists' });
  other.close();
  await once(other, 'close');
  await server.open();
  expect(server.port).toBe(port);
  server.close();
});

test('closing resets the connections it has', async () => {
  const server = new LocalServer({ host: '127.0.0.1', port: 0 }, (socket) => socket.resume());
  await server.open();
  const socket = connect({ host: '127.0.0.1', port: server.port });
  await once(socket, 'connect');
  await eventually('it is taken', () => server.connections === 1 || undefined);
  server.close();
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
});
