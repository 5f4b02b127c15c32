import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';

import { describe, expect, test } from 'vitest';

import { ERROR_CODES, PilotError } from '../../../src/base/pilot-error.ts';
import { STATUS_BY_CODE } from '../../../src/daemon/api/api-errors.ts';
import { INCOMING, NAMES, OUTGOING, PEER, PENDING, PREFERRED, RELAY } from '../fake-node.ts';
import { call, type HttpCall, startApi } from './api-fixture.ts';

const ID = INCOMING.id;
const MESSAGE = { target: 'beta', type: 'text', data: 'hi' };

describe('every route reaches its call of the node', () => {
  const cases: [string, HttpCall, { name: string; args: unknown[] }, unknown][] = [
    [
      'setHostname',
      { method: 'PUT', path: '/v1/hostname', body: { hostname: 'beta' } },
      { name: 'setHostname', args: ['beta'] },
      { hostname: 'beta', node_id: NAMES.node_id, published: true },
    ],
    [
      'clearHostname',
      { method: 'DELETE', path: '/v1/hostname' },
      { name: 'setHostname', args: [''] },
      { hostname: '', node_id: NAMES.node_id, published: true },
    ],
    [
      'resolve',
      { path: '/v1/resolve?target=0%3A0000.1234.5678' },
      { name: 'resolve', args: ['0:0000.1234.5678'] },
      expect.objectContaining({ trusted: true }),
    ],
    [
      'requestTrust',
      {
        method: 'POST',
        path: '/v1/trust/request',
        body: { target: 'beta', justification: 'we met 🚀', wait_ms: 0 },
      },
      { name: 'requestTrust', args: [{ target: 'beta', justification: 'we met 🚀', wait_ms: 0 }] },
      { ...NAMES, status: 'pending' },
    ],
    [
      'approveTrust',
      { method: 'POST', path: '/v1/trust/approve', body: { target: 'beta' } },
      { name: 'approveTrust', args: [{ target: 'beta' }] },
      { ...NAMES, status: 'approved' },
    ],
    [
      'rejectTrust',
      { method: 'POST', path: '/v1/trust/reject', body: { target: 'beta', reason: 'no' } },
      { name: 'rejectTrust', args: [{ target: 'beta', reason: 'no' }] },
      { ...NAMES, status: 'rejected' },
    ],
    [
      'revokeTrust',
      { method: 'POST', path: '/v1/trust/revoke', body: { target: 'beta' } },
      { name: 'revokeTrust', args: [{ target: 'beta' }] },
      { ...NAMES, status: 'revoked' },
    ],
    [
      'pendingTrust',
      { path: '/v1/trust/pending' },
      { name: 'pendingTrust', args: [] },
      { pending: [PENDING] },
    ],
    [
      'listTrust',
      { path: '/v1/trust' },
      { name: 'trusted', args: [] },
      { trusted: [expect.objectContaining({ mutual: true })], total: 1 },
    ],
    ['peers', { path: '/v1/peers' }, { name: 'peers', args: [] }, { peers: [PEER], total: 1 }],
    [
      'preferDirect',
      { method: 'POST', path: '/v1/peers/prefer-direct', body: { target: 'beta' } },
      { name: 'preferDirect', args: [{ target: 'beta' }] },
      PREFERRED,
    ],
    [
      'ping',
      { method: 'POST', path: '/v1/ping', body: { target: 'beta', path: 'direct' } },
      { name: 'ping', args: [{ target: 'beta', path: 'direct' }] },
      { ...NAMES, rtt_ms: 1.5, path: 'relay' },
    ],
    [
      'sendMessage',
      {
        method: 'POST',
        path: '/v1/messages',
        body: { ...MESSAGE, message_id: ID.toUpperCase(), wait_ms: 1000 },
      },
      { name: 'send', args: [{ ...MESSAGE, message_id: ID, wait_ms: 1000 }] },
      OUTGOING,
    ],
    [
      'messageStatus',
      { path: `/v1/messages/${ID}` },
      { name: 'messageStatus', args: [ID] },
      OUTGOING,
    ],
    [
      'listOutbox',
      { path: '/v1/outbox' },
      { name: 'outbox', args: [] },
      { messages: [OUTGOING], total: 1 },
    ],
    [
      'retryOutbox',
      { method: 'POST', path: `/v1/outbox/${ID}/retry` },
      { name: 'retryOutbox', args: [ID] },
      OUTGOING,
    ],
    [
      'dropOutbox',
      { method: 'DELETE', path: `/v1/outbox/${ID}`, body: {} },
      { name: 'dropOutbox', args: [ID] },
      OUTGOING,
    ],
    [
      'listInbox',
      { path: '/v1/inbox?limit=5&from=beta&since=1h&full=true&unread=0' },
      {
        name: 'inbox',
        args: [{ limit: 5, from: 'beta', since: '1h', full: true, unread: false }],
      },
      { messages: [INCOMING], total: 1, shown: 1 },
    ],
    [
      'readInbox',
      { path: `/v1/inbox/${ID}?peek` },
      { name: 'readInbox', args: [ID, { peek: true }] },
      INCOMING,
    ],
    [
      'markInbox',
      { method: 'POST', path: `/v1/inbox/${ID}/read` },
      { name: 'markInboxRead', args: [ID] },
      INCOMING,
    ],
    [
      'clearInbox',
      { method: 'DELETE', path: '/v1/inbox?before=1h' },
      { name: 'clearInbox', args: [{ before: '1h' }] },
      { cleared: 1, remaining: 0 },
    ],
  ];

  test.each(cases)('%s', async (_name, request, expected, reply) => {
    const { node, socketPath } = await startApi();
    const answer = await call(socketPath, request);
    expect(answer.json).toEqual(reply);
    expect(answer.status).toBe(200);
    expect(answer.type).toBe('application/json; charset=utf-8');
    expect(node.calls).toEqual([expected]);
  });
});

describe('what the host adds', () => {
  test('info has every number that existing clients read', async () => {
    const { socketPath } = await startApi();
    const { json } = await call(socketPath, { path: '/v1/info' });
    expect(json).toEqual({
      ...NAMES,
      ...{ public_key: 'cHVibGlj', version: '1.2.3', pid: 4711, uptime_secs: 61 },
      ...{ connections: 0, ports: 0, peers: 1, encrypted_peers: 1, authenticated_peers: 1 },
      ...{ encrypt: true, identity: true, owner: '', relay_peer_count: 1 },
      ...{ bytes_sent: 1000, bytes_recv: 2000, pkts_sent: 10, pkts_recv: 20 },
      ...{ handshake_pending_count: 1, outbox_count: 6, inbox_count: 4, inbox_unread: 2 },
      ...{ relays: [RELAY], peer_list: [PEER], conn_list: [] },
      ...{ socket: socketPath, log_file: socketPath.replace('pilotd.sock', 'pilot.log') },
      warnings: ['somebody else has this identity'],
    });
  });

  test('health is degraded while no relay is online', async () => {
    const { node, socketPath } = await startApi();
    const statusNow = async (): Promise<unknown> =>
      (await call(socketPath, { path: '/v1/health' })).json;
    expect(await statusNow()).toMatchObject({ status: 'ok', uptime_seconds: 61, peers: 1 });
    node.relayViews = [{ ...RELAY, state: 'waiting', reason: 'refused' }];
    expect(await statusNow()).toMatchObject({ status: 'degraded' });
  });

  test('identity', async () => {
    const { socketPath } = await startApi();
    expect((await call(socketPath, { path: '/v1/identity' })).json).toEqual({
      ...NAMES,
      public_key: 'cHVibGlj',
      created: '2026-01-01T00:00:00.000Z',
      key_path: socketPath.replace('pilotd.sock', 'identity.json'),
      rotations: 2,
    });
  });

  test('config', async () => {
    const { socketPath } = await startApi();
    expect((await call(socketPath, { path: '/v1/config' })).json).toEqual({
      entries: [{ key: 'node.hostname', value: 'fake', origin: 'flag' }],
      config_path: socketPath.replace('pilotd.sock', 'config.yaml'),
    });
  });

  test('metrics', async () => {
    const { socketPath } = await startApi();
    const reply = await call(socketPath, { path: '/metrics' });
    expect(reply).toMatchObject({ status: 200, type: 'text/plain', text: 'pilot_up 1\n' });
  });
});

describe('failures', () => {
  test.each(ERROR_CODES)('%s has its status, and code, message and hint arrive', async (code) => {
    const { node, socketPath, log } = await startApi();
    node.failure = new PilotError(code, 'what happened', { hint: 'what to do' });
    const reply = await call(socketPath, { path: '/v1/peers' });
    expect(reply.status).toBe(STATUS_BY_CODE[code]);
    expect(reply.json).toEqual({ code, message: 'what happened', hint: 'what to do' });
    expect(log.length).toBe(code === 'internal' ? 1 : 0);
  });

  test('an error that is not for users goes to the log, not to the client', async () => {
    const { node, socketPath, log } = await startApi();
    node.failure = new Error('secret detail');
    for (const request of [
      { path: '/v1/peers' },
      { method: 'POST', path: '/v1/messages', body: MESSAGE },
    ]) {
      const reply = await call(socketPath, request);
      expect(reply.status).toBe(500);
      expect(reply.json).toMatchObject({ code: 'internal' });
      expect(reply.text).not.toContain('secret');
    }
    expect(log.map(({ level, fields }) => [level, fields])).toEqual([
      ['error', { err: node.failure, method: 'GET', url: '/v1/peers' }],
      ['error', { err: node.failure, method: 'POST', url: '/v1/messages' }],
    ]);
  });

  test('bytes that are not HTTP are refused in our own words', async () => {
    const { socketPath } = await startApi();
    const text = await new Promise<string>((resolve) => {
      let received = '';
      const socket = connect(socketPath, () => socket.write('\x16\x03\x01 hello\r\n\r\n'));
      socket.on('data', (chunk) => (received += chunk.toString()));
      socket.on('close', () => {
        resolve(received);
      });
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('"code":"invalid_argument"');
  });
});

describe('waiting calls', () => {
  const waiting: HttpCall[] = [
    { path: '/v1/resolve?target=beta' },
    { method: 'POST', path: '/v1/trust/request', body: { target: 'beta' } },
    { method: 'POST', path: '/v1/ping', body: { target: 'beta' } },
    { method: 'POST', path: '/v1/messages', body: { ...MESSAGE, wait_ms: 1000 } },
    { method: 'POST', path: '/v1/messages', body: { ...MESSAGE, confirm_ms: 1000 } },
  ];

  test.each(waiting)('a client that hangs up ends its call: $path', async (request) => {
    const { node, socketPath, log } = await startApi();
    node.isWaiting = true;
    const arrived = node.nextWait();
    const ended = node.nextAbort();
    const client = httpRequest({ socketPath, method: request.method ?? 'GET', path: request.path });
    client.on('error', () => undefined);
    client.end(request.body === undefined ? undefined : JSON.stringify(request.body));
    await arrived;
    client.destroy();
    await ended;
    expect(node.aborted).toEqual([
      expect.objectContaining({ code: 'connection_failed', message: 'the client hung up' }),
    ]);
    expect(log).toEqual([]);
  });

  test('a call that was answered is not aborted afterwards', async () => {
    const { node, socketPath, server } = await startApi();
    const reply = await call(socketPath, { path: '/v1/resolve?target=beta' });
    expect(reply.status).toBe(200);
    await server.stop();
    expect(node.aborted).toEqual([]);
  });

  test('stopping answers them with unavailable, and may be done twice', async () => {
    const { node, socketPath, server } = await startApi();
    node.isWaiting = true;
    const arrived = node.nextWait();
    const answer = call(socketPath, { method: 'POST', path: '/v1/ping', body: { target: 'beta' } });
    await arrived;
    await Promise.all([server.stop(), server.stop()]);
    expect(await answer).toMatchObject({ status: 503, json: { code: 'unavailable' } });
    await expect(call(socketPath, { path: '/v1/info' })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('requests are logged only when asked for', async () => {
  const quiet = await startApi();
  await call(quiet.socketPath, { path: '/v1/peers' });
  expect(quiet.log).toEqual([]);
  const verbose = await startApi({ logRequests: true });
  await call(verbose.socketPath, { path: '/v1/peers' });
  expect(verbose.log).toEqual([
    {
      level: 'debug',
      fields: { method: 'GET', url: '/v1/peers', status: 200, ms: expect.any(Number) as number },
      message: 'local API call',
    },
  ]);
});
