import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';

import { beforeAll, expect, test } from 'vitest';

import { all, listening, open, tunnelWorld } from './tunnel-world.ts';

const { alice, bob, servers } = tunnelWorld();
let proxy: number;

beforeAll(async () => {
  const server = createServer((request, response) => {
    const { host, via, 'x-mine': mine, 'x-named': named } = request.headers;
    void all(request).then((body) => {
      response.setHeader('x-seen', JSON.stringify({ host, via, mine, named }));
      response.end(`${request.method ?? ''} ${request.url ?? ''} ${String(body)}`);
    });
  });
  servers.push(server);
  await bob.pilotctl('expose', '3000', '--to', `127.0.0.1:${await listening(server)}`);
  const { listen } = await alice.json<{ listen: string }>('proxy', 'start', '--listen', '0');
  proxy = Number(listen.split(':')[1]);
});

async function say(bytes: string | Uint8Array): Promise<string> {
  const socket = await open(proxy);
  socket.write(bytes);
  return String(await all(socket));
}

test('GET and POST in absolute form', async () => {
  const request = httpRequest({
    ...{ host: '127.0.0.1', port: proxy, method: 'POST', path: 'http://bob.pilot:3000/a?b=1' },
    headers: { 'x-mine': 'yes', 'x-named': 'no', connection: 'x-named', 'proxy-connection': 'a' },
  });
  request.end('body');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(String(await all(response))).toBe('POST /a?b=1 body');
  expect(JSON.parse(String(response.headers['x-seen']))).toEqual({
    ...{ host: 'bob.pilot:3000', via: '1.1 pilot', mine: 'yes' },
  });
});

test('CONNECT', async () => {
  const text = await say(
    'CONNECT bob.pilot:3000 HTTP/1.1\r\nHost: bob.pilot:3000\r\n\r\n' +
      'GET /inner HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n',
  );
  expect(text).toMatch(/^HTTP\/1\.1 200 Connection established\r\n\r\nHTTP\/1\.1 200 OK/);
  expect(text).toContain('GET /inner ');
});

test('SOCKS5 by hostname', async () => {
  const host = Buffer.from('BOB.pilot');
  const asked = Buffer.concat([
    Buffer.from('050100' + '05010003', 'hex'),
    Buffer.of(host.length),
    host,
    Buffer.from('0bb8', 'hex'),
    Buffer.from('GET /socks HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n'),
  ]);
  const text = await say(asked);
  expect(Buffer.from(text.slice(0, 12)).toString('hex')).toBe('0500' + '05000001000000000000');
  expect(text).toContain('GET /socks ');
});

const SOCKS_HOST = (name: string): string =>
  Buffer.concat([Buffer.of(name.length), Buffer.from(name)]).toString('hex');

test.each<[string, string | Buffer, RegExp]>([
  ['another host', 'GET http://example.com/ HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 403 /],
  ['an address', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 403 /],
  ['an IPv6 address', 'CONNECT [::1]:22 HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['https', 'GET https://bob.pilot/ HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['origin form', 'GET / HTTP/1.1\r\nHost: bob.pilot\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a password', 'GET http://a:b@bob.pilot/ HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a name below', 'GET http://www.bob.pilot/ HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'a port out of range',
    'CONNECT bob.pilot:70000 HTTP/1.1\r\nHost: a\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  [
    'a closed port',
    'GET http://bob.pilot:1/ HTTP/1.1\r\nHost: a\r\n\r\n',
    /^HTTP\/1\.1 502 .*connection refused/s,
  ],
  [
    'this node',
    'GET http://alice.pilot/ HTTP/1.1\r\nHost: a\r\n\r\n',
    /^HTTP\/1\.1 400 .*this node itself/s,
  ],
  ['no HTTP', 'rubbish\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'too large a head',
    `GET http://bob.pilot/ HTTP/1.1\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 /,
  ],
  ['SOCKS4', Buffer.from('040100500000000100', 'hex'), /^HTTP\/1\.1 400 /],
  ['SOCKS5 with a password', Buffer.from('050102', 'hex'), /^\x05.$/],
  [
    'SOCKS5 to an address',
    Buffer.from('050100' + '050100017f0000010016', 'hex'),
    /^\x05\0\x05\x02/,
  ],
  ['SOCKS5 bind', Buffer.from('050100' + '050200017f0000010016', 'hex'), /^\x05\0\x05\x07/],
  [
    'SOCKS5 to another host',
    Buffer.from(`05010005010003${SOCKS_HOST('example.com')}0050`, 'hex'),
    /^\x05\0\x05\x02/,
  ],
  [
    'SOCKS5 to a closed port',
    Buffer.from(`05010005010003${SOCKS_HOST('bob.pilot')}0001`, 'hex'),
    /^\x05\0\x05\x05/,
  ],
])('refuses %s', async (_name, bytes, answer) => {
  expect(await say(bytes)).toMatch(answer);
});

test('stops', async () => {
  await alice.pilotctl('proxy', 'stop');
  await expect(open(proxy)).rejects.toThrow('ECONNREFUSED');
  expect(await alice.json('proxy', 'status')).toMatchObject({ running: false });
});
