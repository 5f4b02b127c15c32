import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';

import { describe, expect, onTestFinished, test } from 'vitest';

import { systemClock } from '../../../src/base/system-clock.ts';
import { probeRelay, type RelayProbe } from '../../../src/daemon/netcheck/net-relay-probe.ts';
import { selfSigned, type TestCertificate } from '../../relay/support/certificate.ts';
import { startRelay } from '../../relay/support/relay-fixture.ts';

interface TlsServer {
  readonly place: string;
  readonly certificate: TestCertificate;
  readonly requests: () => number;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const respond =
  (status: number, body: string, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    if ('closeAllConnections' in server)
      (server as ReturnType<typeof createServer>).closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function probe(
  url: string,
  { ca, timeoutMs = 5_000 }: { ca?: string; timeoutMs?: number } = {},
): Promise<RelayProbe> {
  const deps = { clock: systemClock, ca, timeoutMs };
  return probeRelay(url, deps, new AbortController().signal);
}

describe('a relay', () => {
  test('answers, and is measured', async () => {
    const relay = await startRelay();
    const found = await probe(relay.url);
    const { host } = new URL(relay.url);
    expect(found).toMatchObject({ outcome: 'ok', detail: '', address: host, via: '' });
    expect(found.connect_ms).toBeGreaterThan(0);
    expect(found.rtt_ms).toBeGreaterThan(0);
  });

  test('is asked below the path of its URL, whatever its query', async () => {
    const asked: (string | undefined)[] = [];
    const place = await listen(
      createServer((request, response) => {
        asked.push(request.url);
        respond(200, '{"status":"ok"}', { via: '1.1 front' })(request, response);
      }),
    );
    for (const path of ['', '/', '/pilot', '/pilot/?x=1']) {
      await expect(probe(`ws://${place}${path}`)).resolves.toMatchObject({
        ...{ outcome: 'ok', via: '1.1 front' },
      });
    }
    expect(asked).toEqual(['/healthz', '/healthz', '/pilot/healthz', '/pilot/healthz']);
  });
});

const ANSWERS: [string, Answer, RelayProbe['outcome'], RegExp][] = [
  ['about to stop', respond(503, '{"status":"draining"}'), 'draining', /about to stop/],
  ['portal', respond(302, '', { location: 'http://login.hotel/' }), 'redirect', /login\.hotel/],
  ['page', respond(200, '<html>Welcome'), 'other', /not a relay \(HTTP 200\)/],
  ['other JSON', respond(200, 'null'), 'other', /not a relay/],
  ['status of another', respond(200, '{"status":"draining"}'), 'other', /not a relay/],
  ['proxy', respond(407, ''), 'other', /HTTP 407/],
  ['far too much', respond(200, 'x'.repeat(1024 * 1024)), 'other', /HTTP 200/],
  ['long', respond(307, '', { location: 'y'.repeat(5000) }), 'redirect', /^.{200}$/],
];

test.each(ANSWERS)('%s', async (_name, answer, outcome, detail) => {
  const place = await listen(createServer(answer));
  const found = await probe(`ws://${place}`);
  expect(found).toMatchObject({ outcome, address: place });
  expect(found.detail).toMatch(detail);
  expect(found.rtt_ms).not.toBeNull();
});

describe('TLS', () => {
  async function startTls(): Promise<TlsServer> {
    const certificate = selfSigned();
    let requests = 0;
    const server = createTlsServer(certificate, (request, response) => {
      requests++;
      respond(200, '{"status":"ok"}')(request, response);
    });
    return { certificate, place: await listen(server), requests: () => requests };
  }

  test('with the authority that is configured', async () => {
    const { place, certificate } = await startTls();
    await expect(probe(`wss://${place}`, { ca: certificate.cert })).resolves.toMatchObject({
      ...{ outcome: 'ok', address: place },
    });
  });

  test('a certificate that nobody vouches for is named, and sent nothing', async () => {
    const { place, requests } = await startTls();
    const found = await probe(`wss://${place}`);
    expect(found).toMatchObject({ outcome: 'certificate', address: place, rtt_ms: null });
    expect(found.detail).toMatch(/not valid here \(\w*SELF_SIGNED\w*, issued by localhost\)/);
    expect(requests()).toBe(0);
  });

  test('a certificate for another host', async () => {
    const { place, certificate, requests } = await startTls();
    // It names 127.0.0.1 and localhost; this is one more spelling of the same host.
    const elsewhere = place.replace('127.0.0.1', '[::ffff:127.0.0.1]');
    const found = await probe(`wss://${elsewhere}`, { ca: certificate.cert });
    expect(found).toMatchObject({ outcome: 'certificate' });
    expect(found.detail).toMatch(/ALTNAME/);
    expect(requests()).toBe(0);
  });
});

describe('no answer', () => {
  test('nobody listens', async () => {
    const server = createTcpServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(probe(`ws://127.0.0.1:${port}`)).resolves.toMatchObject({
      ...{ outcome: 'refused', address: '', connect_ms: null, rtt_ms: null },
    });
  });

  test.each([
    ['silence', '', 'timeout', /no answer within 0\.2 s/],
    ['an answer that does not end', 'HTTP/1.1 200 OK\r\n\r\n{"stat', 'timeout', /no answer/],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'other', /not a relay \(Parse Error/],
  ])('%s', async (_name, text, outcome, detail) => {
    const place = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.write(text);
        onTestFinished(() => {
          socket.destroy();
        });
      }),
    );
    const found = await probe(`ws://${place}`, { timeoutMs: 200 });
    expect(found.outcome).toBe(outcome);
    expect(found.detail).toMatch(detail);
  });

  test('cut off', async () => {
    const place = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.resetAndDestroy();
      }),
    );
    await expect(probe(`ws://${place}`)).resolves.toMatchObject({ outcome: 'lost' });
  });

  test('aborted', async () => {
    const accepted = createTcpServer();
    const place = await listen(accepted);
    const stop = new AbortController();
    const deps = { clock: systemClock, ca: undefined, timeoutMs: 5_000 };
    const probing = probeRelay(`ws://${place}`, deps, stop.signal);
    const [socket] = (await once(accepted, 'connection')) as [{ resume(): void }];
    socket.resume();
    const closed = once(socket as unknown as NodeJS.EventEmitter, 'close');
    stop.abort(new Error('gone'));
    await expect(probing).rejects.toThrow('gone');
    await closed;
  });
});
