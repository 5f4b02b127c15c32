import { Socket } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import type { TunnelFailure } from '../../../src/client/api.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { TcpExposure } from '../../../src/daemon/tunnels/tcp-exposure.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { type Host, World } from '../world.ts';

const CONNECT_MS = 8000;

const hosts: Host[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) if (host.isRunning) await host.stop();
});

/** Bob offers a service on port 80 that takes no connection and refuses none: a host that drops packets. */
async function silentService(allow: readonly string[] = []) {
  const world = new World();
  const [alice, bob] = await world.pair();
  hosts.push(alice, bob);
  const asked: { host?: string; port?: number }[] = [];
  const sockets: Socket[] = [];
  const failures: TunnelFailure[] = [];
  const exposure = new TcpExposure(
    {
      ...{ clock: world.clock, log: silentLog, ports: bob.node.ports },
      failed: (failure) => failures.push(failure),
    },
    { kind: 'expose', protocol: 'tcp', port: 80, to: '192.0.2.1:8080', allow },
    ((to: { host: string; port: number }) => {
      asked.push({ host: to.host, port: to.port });
      const socket = Object.assign(new Socket(), { connecting: true });
      sockets.push(socket);
      return socket;
    }) as never,
  );
  exposure.open();
  const dial = async (options = {}): Promise<PeerStream> =>
    alice.node.ports.dial('bob', 80, options);
  return { world, alice, exposure, asked, sockets, failures, dial };
}

test('a service that does not answer: told after 8 s, on both sides, and which side it is', async () => {
  const { world, exposure, asked, sockets, failures, dial } = await silentService();
  const dialled = dial().catch((error: unknown) => error);
  await world.run(CONNECT_MS - 100);
  expect([exposure.connections, exposure.error, failures]).toEqual([1, '', []]);
  await world.run(300);
  expect(await dialled).toMatchObject({
    code: 'connection_failed',
    message: expect.stringContaining('the service behind it cannot be reached') as string,
  });
  expect(asked).toEqual([{ host: '192.0.2.1', port: 8080 }]);
  expect(exposure.error).toBe('the service 192.0.2.1:8080 of this host: no answer');
  expect(failures).toMatchObject([{ kind: 'exposed', port: 80, code: 'connection_failed' }]);
  expect([exposure.connections, sockets[0]?.destroyed]).toEqual([0, true]);
});

test('who gives up before: the connection to the service is given up too, and nothing is told', async () => {
  const { world, exposure, sockets, failures, dial } = await silentService();
  const gone = new AbortController();
  const dialled = dial({ signal: gone.signal }).catch((error: unknown) => error);
  await world.run(1000);
  expect(sockets[0]?.destroyed).toBe(false);
  gone.abort(new Error('never mind'));
  await world.run(100);
  expect(await dialled).toMatchObject({ message: 'never mind' });
  expect(sockets[0]?.destroyed).toBe(true);
  await world.run(CONNECT_MS);
  expect([exposure.connections, exposure.error, failures]).toEqual([0, '', []]);
});

test('taken in the last moment, it is not cut by the deadline', async () => {
  const { world, exposure, sockets, dial } = await silentService();
  const dialled = dial();
  await world.run(CONNECT_MS - 100);
  sockets[0]?.emit('connect');
  const stream = await world.until(dialled);
  await world.run(CONNECT_MS);
  expect([stream.destroyed, exposure.connections, exposure.error]).toEqual([false, 1, '']);
});

test('the service ends: its connections that are not answered yet end with it', async () => {
  const { world, exposure, sockets, failures, dial } = await silentService();
  const dialled = dial().catch((error: unknown) => error);
  await world.run(1000);
  exposure.close();
  await world.run(100);
  expect([exposure.connections, sockets[0]?.destroyed, failures]).toEqual([0, true, []]);
  expect(await world.until(dialled)).toMatchObject({ code: 'connection_refused' });
});

test('for others it is as if nothing were exposed: no connection is made for them', async () => {
  const { world, asked, failures, dial } = await silentService(['ab'.repeat(32)]);
  const dialled = world.until(dial());
  await expect(dialled).rejects.toMatchObject({ code: 'connection_refused' });
  expect([asked, failures]).toEqual([[], []]);
});

describe('a peer never chooses where a connection goes', () => {
  test('whatever port it asks for: one leads to the service, all others nowhere', async () => {
    const { world, asked, dial, alice } = await silentService();
    // Ports of things that hosts have, the service's own port, and any others.
    const random = Buffer.from(seededRandom(13)(200));
    const ports = [0, 1, 22, 443, 2375, 3306, 6379, 8080, 65_535];
    for (let at = 0; at < random.length; at += 2) ports.push(random.readUInt16BE(at));
    for (const port of ports.filter((one) => one !== 80)) {
      const dialled = world.until(alice.node.ports.dial('bob', port));
      await expect(dialled).rejects.toMatchObject({ code: 'connection_refused' });
    }
    expect(asked).toEqual([]);
    void dial().catch(() => undefined);
    await world.run(200);
    expect(asked).toEqual([{ host: '192.0.2.1', port: 8080 }]);
  });

  test.each([
    ['a proxy request', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n'],
    ['a URL', 'GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\n\r\n'],
    ['SOCKS5', '\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x16'],
    ['a PROXY header', 'PROXY TCP4 10.0.0.1 127.0.0.1 1 22\r\n'],
  ])('%s is bytes for the service, and nothing more', async (_what, words) => {
    const { world, asked, sockets, dial } = await silentService();
    const dialled = dial();
    await world.run(200);
    const written: Buffer[] = [];
    const [socket] = sockets;
    if (socket === undefined) throw new Error('nothing was connected');
    socket._write = (chunk: Buffer, _encoding, done) => {
      written.push(chunk);
      done();
    };
    socket.emit('connect');
    const stream = await world.until(dialled);
    stream.write(Buffer.from(words, 'latin1'));
    await world.run(200);
    expect(Buffer.concat(written).toString('latin1')).toBe(words);
    expect(asked).toHaveLength(1);
  });
});
