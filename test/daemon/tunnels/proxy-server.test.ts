/** Programs that take their time with a proxy: real sockets, the deadline's clock moved by hand. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { ProxyServer } from '../../../src/daemon/tunnels/proxy-server.ts';
import { eventually, STEP_TIMEOUT_MS } from '../../support/processes.ts';
import { tunnelFixture } from './tunnel-fixture.ts';

const ASK_MS = 10_000;

interface Dialled {
  readonly target: string;
  readonly port: number;
  readonly signal: AbortSignal | undefined;
  readonly fail: (error: Error) => void;
}

/** A proxy whose dials wait until a test fails them, or their program is gone. */
async function proxy() {
  const dialled: Dialled[] = [];
  const fixture = tunnelFixture({
    dial: async (target, port, { signal } = {}) =>
      new Promise<PeerStream>((_resolve, reject) => {
        dialled.push({ target, port, signal, fail: reject });
        signal?.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
  });
  const server = new ProxyServer(fixture, '127.0.0.1:0');
  await server.open();
  onTestFinished(() => {
    server.close();
  });
  const open = async (): Promise<Program> => {
    const before = server.connections;
    const socket = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
    onTestFinished(() => {
      socket.destroy();
    });
    await once(socket, 'connect');
    await eventually('it is taken', () => server.connections > before || undefined);
    return new Program(socket);
  };
  return { ...fixture, server, dialled, open };
}

class Program {
  readonly socket: Socket;
  #received = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
    });
    socket.on('error', () => undefined);
  }

  async say(bytes: string | Uint8Array): Promise<void> {
    await new Promise((written) => this.socket.write(bytes, written));
  }

  /** When the proxy has ended it: everything it said. */
  async ended(): Promise<string> {
    if (!this.socket.readableEnded && !this.socket.destroyed) {
      // What the proxy has not read makes it a reset.
      const ends = { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) };
      await Promise.race([once(this.socket, 'end', ends), once(this.socket, 'close', ends)]).catch(
        (error: unknown) => {
          if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
        },
      );
    }
    return this.#received;
  }

  async heard(text: string): Promise<void> {
    await eventually(`hears ${JSON.stringify(text)}`, () => this.#received === text || undefined);
  }
}

const GREETING = Buffer.of(5, 1, 0);
const TO_BOB = Buffer.concat([
  Buffer.of(5, 1, 0, 3, 9),
  Buffer.from('bob.pilot'),
  Buffer.of(0, 80),
]);

test.each<[string, string | Uint8Array]>([
  ['nothing', ''],
  ['the first byte of SOCKS5', Buffer.of(5)],
  ['a greeting, and no request', GREETING],
  ['half a request', Buffer.concat([GREETING, TO_BOB.subarray(0, 8)])],
  ['half a request line', 'CONNECT bob.pilot:80 HT'],
  ['a head that does not end', 'GET http://bob.pilot/ HTTP/1.1\r\nHost: bob.pilot\r\n'],
])('who sends %s is disconnected after 10 s, not before', async (_name, bytes) => {
  const { clock, server, dialled, open } = await proxy();
  const program = await open();
  if (bytes.length > 0) await program.say(bytes);
  if (bytes.length >= GREETING.length && bytes[0] === 5) await program.heard('\x05\0');
  clock.advance(ASK_MS - 1);
  expect(server.connections).toBe(1);
  clock.advance(1);
  await program.ended();
  await eventually('it is gone', () => server.connections === 0 || undefined);
  expect([dialled, clock.pendingTimers]).toEqual([[], 0]);
});

test.each<[string, Uint8Array | string]>([
  ['SOCKS5', Buffer.concat([GREETING, TO_BOB])],
  ['CONNECT', 'CONNECT bob.pilot:80 HTTP/1.1\r\nHost: bob.pilot\r\n\r\n'],
  ['GET', 'GET http://bob.pilot/ HTTP/1.1\r\nHost: bob.pilot\r\n\r\n'],
])('%s: whoever has asked is waited for by the dial alone', async (_name, bytes) => {
  const { clock, server, dialled, failures, open } = await proxy();
  const program = await open();
  await program.say(bytes);
  await eventually('it is dialled', () => dialled.length === 1 || undefined);
  expect(dialled[0]).toMatchObject({ target: 'bob', port: 80 });
  clock.advance(10 * ASK_MS);
  expect([server.connections, clock.pendingTimers]).toEqual([1, 0]);
  dialled[0]?.fail(new PilotError('connection_refused', 'nothing listens', { hint: 'start it' }));
  expect(await program.ended()).toMatch(/^(\x05\0\x05\x05|HTTP\/1\.1 502 .*nothing listens)/s);
  expect(failures).toMatchObject([{ kind: 'proxy', target: 'bob', code: 'connection_refused' }]);
});

test.each<[string, Uint8Array | string]>([
  ['SOCKS5', Buffer.concat([GREETING, TO_BOB])],
  ['CONNECT', 'CONNECT bob.pilot:80 HTTP/1.1\r\nHost: bob.pilot\r\n\r\n'],
  ['GET', 'GET http://bob.pilot/ HTTP/1.1\r\nHost: bob.pilot\r\n\r\n'],
])(
  '%s: a program that hangs up while it is dialled: no more dialling, no failure',
  async (_name, bytes) => {
    const { server, dialled, failures, open } = await proxy();
    const program = await open();
    await program.say(bytes);
    await eventually('it is dialled', () => dialled.length === 1 || undefined);
    program.socket.resetAndDestroy();
    await eventually('the dial is given up', () => dialled[0]?.signal?.aborted ?? undefined);
    await eventually('it is gone', () => server.connections === 0 || undefined);
    expect([failures, server.error]).toEqual([[], '']);
  },
);

test.each<[string, Uint8Array | string]>([
  ['SOCKS5', Buffer.concat([GREETING, TO_BOB])],
  ['CONNECT', 'CONNECT bob.pilot:80 HTTP/1.1\r\nHost: bob.pilot\r\n\r\n'],
])(
  '%s: one that was refused after it had said more leaves no connection behind',
  async (_name, bytes) => {
    const { server, dialled, open } = await proxy();
    const program = await open();
    await program.say(bytes);
    await eventually('it is dialled', () => dialled.length === 1 || undefined);
    await program.say('what it did not wait with');
    dialled[0]?.fail(new PilotError('connection_refused', 'nothing listens'));
    expect(await program.ended()).toMatch(/^(\x05\0\x05\x05|HTTP\/1\.1 502 )/s);
    program.socket.end();
    await eventually('it is gone', () => server.connections === 0 || undefined);
  },
);

test.each<[string, string, RegExp]>([
  ['no port', 'CONNECT bob.pilot HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['an empty port', 'CONNECT bob.pilot: HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['no host', 'CONNECT :80 HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['a sign before the port', 'CONNECT bob.pilot:+80 HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['a port of six digits', 'CONNECT bob.pilot:000080 HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['port 65536', 'CONNECT bob.pilot:65536 HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['a user', 'CONNECT a@bob.pilot:80 HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['a path', 'CONNECT bob.pilot:80/x HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['a URL', 'CONNECT http://bob.pilot:80 HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['localhost', 'CONNECT localhost:22 HTTP/1.1', /^HTTP\/1\.1 403 /],
  ['nothing before the suffix', 'CONNECT .pilot:80 HTTP/1.1', /^HTTP\/1\.1 403 /],
  ['another suffix', 'CONNECT bob.pilot.example.com:80 HTTP/1.1', /^HTTP\/1\.1 403 /],
  ['a host that ends like ours', 'CONNECT evilpilot:80 HTTP/1.1', /^HTTP\/1\.1 403 /],
  ['a metadata service', 'GET http://169.254.169.254/latest HTTP/1.1', /^HTTP\/1\.1 403 /],
  ['ftp', 'GET ftp://bob.pilot/ HTTP/1.1', /^HTTP\/1\.1 400 /],
  ['a file', 'GET file:///etc/passwd HTTP/1.1', /^HTTP\/1\.1 400 /],
])('%s is refused and nothing is dialled', async (_name, line, answer) => {
  const { dialled, open } = await proxy();
  const program = await open();
  await program.say(`${line}\r\nHost: a\r\n\r\n`);
  expect(await program.ended()).toMatch(answer);
  expect(dialled).toEqual([]);
});

test.each<[string, Uint8Array]>([
  ['an empty name', Buffer.of(5, 1, 0, 3, 0, 0, 80)],
  ['another version in the request', Buffer.of(4, 1, 0, 3, 1, 97, 0, 80)],
])('SOCKS5 with %s is disconnected', async (_name, bytes) => {
  const { server, dialled, open } = await proxy();
  const program = await open();
  await program.say(Buffer.concat([GREETING, bytes]));
  expect(await program.ended()).toBe('\x05\0');
  await eventually('it is gone', () => server.connections === 0 || undefined);
  expect(dialled).toEqual([]);
});

test('a request that comes a byte at a time is one', async () => {
  const { dialled, open } = await proxy();
  const program = await open();
  program.socket.setNoDelay(true);
  for (const byte of Buffer.concat([GREETING, TO_BOB])) await program.say(Buffer.of(byte));
  await eventually('it is dialled', () => dialled.length === 1 || undefined);
  expect(dialled[0]).toMatchObject({ target: 'bob', port: 80 });
});
