import { connect, type Socket } from 'node:net';

import { describe, expect, onTestFinished, test } from 'vitest';

import { selfSigned } from './support/certificate.ts';
import { RawNode } from './support/raw-node.ts';
import {
  logIn,
  logInPair,
  newIdentity,
  next,
  refusal,
  startRelay,
  within,
} from './support/relay-fixture.ts';

const get = async (relay: { readonly port: number }, path: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${relay.port}${path}`);

/** A TCP connection that sends `text` and tells all it got when the relay ends it. */
async function untilCut(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.write(text);
  return untilClosed(socket);
}

async function untilClosed(socket: Socket): Promise<string> {
  let received = '';
  socket.on('data', (data) => {
    received += data.toString('latin1');
  });
  return within('the end of the connection', (resolve) => {
    socket.on('close', () => {
      resolve(received);
    });
  });
}

describe('http', () => {
  test('healthz tells that it runs', async () => {
    const response = await get(await startRelay(), '/healthz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });

  test('metrics count what happened', async () => {
    const relay = await startRelay();
    const [alice, bob] = await logInPair(relay);
    const packet = next(bob.client, 'packet');
    alice.client.send(bob.identity.firstKey, new Uint8Array(100));
    await packet;
    const response = await get(relay, '/metrics');
    expect(response.headers.get('content-type')).toContain('text/plain');
    const lines = (await response.text()).split('\n');
    expect(lines).toContain('pilot_relay_nodes 2');
    expect(lines).toContain('pilot_relay_frames_forwarded_total 1');
    expect(lines).toContain('pilot_relay_bytes_forwarded_total 133');
    expect(lines).toContain('pilot_relay_logins_total{result="ok"} 2');
    expect(lines).toContain('pilot_relay_mailbox_envelopes 0');
  });

  test.each(['/', '/admin', '/metrics/x', '/healthz/../x'])('%s is 404', async (path) => {
    expect((await get(await startRelay(), path)).status).toBe(404);
  });

  test('a POST is 404, a WebSocket elsewhere too', async () => {
    const relay = await startRelay();
    const post = await fetch(`http://127.0.0.1:${relay.port}/healthz`, { method: 'POST' });
    expect(post.status).toBe(404);
    expect(await refusal({ url: `${relay.url}elsewhere` })).toBe('protocol');
  });
});

describe('a client that takes its time is cut off', () => {
  const limits = { maxLoginSeconds: 1 };
  test.each([
    ['nothing', ''],
    ['half a request', 'GET /healthz HTTP/1.1\r\nHost: a\r\n'],
    ['a body that never comes', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n'],
    ['noise', '\x16\x03\x01\x00\xff'],
  ])('sending %s', async (_what, text) => {
    const relay = await startRelay({ limits });
    const { client } = await logIn(relay);
    await untilCut(relay.port, text);
    expect(await client.lookup({ hostname: 'nobody' })).toBeUndefined();
  });

  test('without a login', async () => {
    const { node } = await RawNode.challenged(await startRelay({ limits }));
    expect((await node.end()).code).toBe(1006);
  });

  test('or sends more than a login has', async () => {
    const { node } = await RawNode.challenged(await startRelay());
    node.send(new Uint8Array(200_000));
    await node.end();
    expect(node.frames).toHaveLength(1);
  });
});

test('clients that break off in the middle break nothing', async () => {
  const relay = await startRelay();
  const { client } = await logIn(relay);
  const upgrade = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  for (const text of [upgrade('/elsewhere'), upgrade('/'), 'GET /metrics HTTP/1.1\r\n\r\n']) {
    const socket = connect(relay.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = untilClosed(socket);
    socket.write(text, () => {
      socket.resetAndDestroy();
    });
    await closed;
  }
  expect(await client.lookup({ hostname: 'nobody' })).toBeUndefined();
});

describe('no more connections than', () => {
  test.each([
    ['from one address', { maxConnectionsPerIp: 2 }],
    ['in all', { maxConnections: 2 }],
  ])('%s', async (_what, limits) => {
    const relay = await startRelay({ limits });
    const first = await logIn(relay);
    await logIn(relay);
    expect(await refusal(relay)).toBe('busy');
    await first.client.stop();
    await logIn(relay);
  });

  test.each([
    ['not logged in, from one address', { maxUnauthenticatedPerIp: 2 }],
    ['not logged in, in all', { maxUnauthenticated: 2 }],
  ])('%s', async (_what, limits) => {
    const relay = await startRelay({ limits });
    await logIn(relay);
    const { node } = await RawNode.challenged(relay);
    await RawNode.challenged(relay);
    expect(await refusal(relay)).toBe('busy');
    node.socket.terminate();
    await node.end();
    await logIn(relay);
  });
});

describe('draining', () => {
  test('tells the nodes, refuses newcomers, and ends within its time', async () => {
    const relay = await startRelay();
    const { client } = await logIn(relay);
    const deaf = await RawNode.loggedIn(relay, newIdentity());
    const told = next(client, 'offline');
    deaf.socket.pause();
    await relay.server.stop();
    expect((await told).code).toBe('going_away');
    expect(await refusal(relay)).toBe('refused');
  });
});

describe('tls', () => {
  test('a node that trusts the certificate logs in, another says `certificate`', async () => {
    const certificate = selfSigned();
    const relay = await startRelay({ tls: certificate });
    const { client } = await logIn(relay, { settings: { ca: certificate.cert } });
    expect(await client.lookup({ hostname: 'nobody' })).toBeUndefined();
    expect(await refusal(relay)).toBe('certificate');
    const byName = { url: `wss://localhost:${relay.port}` };
    await logIn(byName, { settings: { ca: certificate.cert } });
  });

  test('plain text at a TLS port, and TLS at a plain one, is not a relay', async () => {
    const secure = await startRelay({ tls: selfSigned() });
    expect(['protocol', 'lost']).toContain(
      await refusal({ url: secure.url.replace('wss:', 'ws:') }),
    );
    const plain = await startRelay();
    expect(await refusal({ url: plain.url.replace('ws:', 'wss:') })).toBe('protocol');
  });

  test('a handshake that is never finished is cut off', async () => {
    const relay = await startRelay({ tls: selfSigned(), limits: { maxLoginSeconds: 1 } });
    expect(await untilCut(relay.port, '\x16\x03\x01')).toBe('');
  });

  test('a renewed certificate counts for the next connection', async () => {
    const [old, renewed] = [selfSigned(), selfSigned()];
    const relay = await startRelay({ tls: old });
    relay.server.useCertificate(renewed);
    await logIn(relay, { settings: { ca: renewed.cert } });
    expect(await refusal(relay, { settings: { ca: old.cert } })).toBe('certificate');
  });
});
