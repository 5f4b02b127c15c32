import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  type CallOptions,
  defaultSocketPath,
  PilotClient,
  PilotError,
} from '../../src/client/client.ts';
import { FakeDaemon } from './fake-daemon.ts';
import { ALICE, BOB, incoming, INFO, outgoing } from './fake-nodes.ts';

let daemon: FakeDaemon;
let client: PilotClient;

beforeEach(async () => {
  daemon = await new FakeDaemon().start();
  client = new PilotClient({ socketPath: daemon.socketPath });
});

afterEach(async () => {
  client.close();
  await daemon.stop();
});

/** A daemon that does not know what it was asked. */
const OTHER_VERSION = (route: string): object => ({
  code: 'not_supported',
  message: `this daemon does not know GET ${route}`,
  hint: 'it is of another version: pilotctl daemon stop, then pilotctl daemon start',
});

type Call = (options: CallOptions) => Promise<unknown>;

/** Every method: what it asks and what it gives for a reply. */
const METHODS: readonly [
  string,
  Call,
  { query?: string; body?: object; params?: object; reply?: unknown; gives?: unknown },
][] = [
  ['info', async (o) => client.info(o), { reply: INFO }],
  ['health', async (o) => client.health(o), {}],
  ['identity', async (o) => client.identity(o), {}],
  ['config', async (o) => client.config(o), {}],
  ['metrics', async (o) => client.metrics(o), { reply: '# HELP x', gives: '# HELP x' }],
  ['setHostname', async (o) => client.setHostname('alpha', o), { body: { hostname: 'alpha' } }],
  ['clearHostname', async (o) => client.clearHostname(o), {}],
  ['resolve', async (o) => client.resolve('a b&c', o), { query: 'target=a+b%26c' }],
  [
    'requestTrust',
    async (o) => client.handshake('bob', { justification: 'hi', waitMs: 5, ...o }),
    { body: { target: 'bob', justification: 'hi', wait_ms: 5 } },
  ],
  ['approveTrust', async (o) => client.approve('bob', o), { body: { target: 'bob' } }],
  [
    'rejectTrust',
    async (o) => client.reject('bob', { reason: 'no', ...o }),
    { body: { target: 'bob', reason: 'no' } },
  ],
  ['revokeTrust', async (o) => client.untrust('bob', o), { body: { target: 'bob' } }],
  ['pendingTrust', async (o) => client.pending(o), { reply: { pending: [BOB] }, gives: [BOB] }],
  [
    'listTrust',
    async (o) => client.trusted(o),
    { reply: { trusted: [BOB], total: 1 }, gives: [BOB] },
  ],
  ['peers', async (o) => client.peers(o), { reply: { peers: [BOB], total: 1 }, gives: [BOB] }],
  ['preferDirect', async (o) => client.preferDirect('bob', o), { body: { target: 'bob' } }],
  [
    'ping',
    async (o) => client.ping('bob', { timeoutMs: 7, path: 'relay', ...o }),
    { body: { target: 'bob', timeout_ms: 7, path: 'relay' } },
  ],
  ['netcheck', async (o) => client.netcheck({ force: true, ...o }), { body: { force: true } }],
  ['messageStatus', async (o) => client.message('a/b', o), { params: { id: 'a/b' } }],
  ['listOutbox', async (o) => client.outbox(o), {}],
  ['retryOutbox', async (o) => client.retryOutbox('1', o), { params: { id: '1' } }],
  ['dropOutbox', async (o) => client.dropOutbox('1', o), { params: { id: '1' } }],
  [
    'listInbox',
    async (o) => client.inbox({ limit: 3, full: true, unread: true, from: 'bob', since: '1h' }, o),
    { query: 'limit=3&full=true&unread=true&from=bob&since=1h' },
  ],
  [
    'readInbox',
    async (o) => client.readInbox('1', { peek: true, ...o }),
    { params: { id: '1' }, query: 'peek=true' },
  ],
  ['markInbox', async (o) => client.markRead('1', o), { params: { id: '1' } }],
  ['clearInbox', async (o) => client.clearInbox({ before: '1h', ...o }), { query: 'before=1h' }],
  [
    'sendMessage',
    async (o) =>
      client.send('bob', 'hello', {
        messageId: 'm',
        replyTo: 'r',
        expiresMs: 1,
        confirmMs: 2,
        ...o,
      }),
    {
      body: {
        target: 'bob',
        type: 'text',
        data: 'hello',
        message_id: 'm',
        reply_to: 'r',
        expires_ms: 1,
        confirm_ms: 2,
      },
    },
  ],
];

describe.each(METHODS)('%s', (route, call, { query, body, params, reply, gives }) => {
  test('asks its route', async () => {
    daemon.handlers[route as 'info'] = () => reply ?? ALICE;
    await expect(call({})).resolves.toEqual(gives ?? reply ?? ALICE);
    const [seen] = daemon.callsTo(route as 'info');
    expect(seen?.query.toString()).toBe(query ?? '');
    expect(seen?.body).toEqual(body ?? {});
    expect(seen?.params).toEqual(params ?? {});
  });

  test('can be aborted', async () => {
    const reason = new Error('enough');
    const stop = new AbortController();
    daemon.handlers[route as 'info'] = () => {
      stop.abort(reason);
    };
    await expect(call({ signal: stop.signal })).rejects.toBe(reason);
    await expect(call({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(daemon.calls).toHaveLength(1);
  });
});

test('request gives the reply, reply answers under the id', async () => {
  const answer = incoming('2', { reply_to: '1', data: 'pong' });
  daemon.handlers.sendMessage = () => ({ ...outgoing('1'), reply: answer, reply_after_ms: 3 });
  await expect(client.request('bob', { q: 1 }, { waitMs: 50 })).resolves.toEqual(answer);
  await client.reply(incoming('9'), new Uint8Array([1]));
  expect(daemon.calls.map(({ body }) => body)).toMatchObject([
    { target: 'bob', type: 'json', data: '{"q":1}', wait_ms: 50 },
    { target: BOB.id, type: 'binary', data: 'AQ==', encoding: 'base64', reply_to: '9' },
  ]);
});

test('every message has a UUIDv7, so that it can be sent again', async () => {
  daemon.handlers.sendMessage = () => outgoing('1');
  await client.send('bob', 'x');
  expect(daemon.calls[0]?.body['message_id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});

describe('failures', () => {
  test('of the daemon keep code, message and hint', async () => {
    daemon.handlers.info = () => {
      throw new PilotError('trust_required', 'bob does not trust us', { hint: 'handshake bob' });
    };
    await expect(client.info()).rejects.toMatchObject({
      name: 'PilotError',
      code: 'trust_required',
      message: 'bob does not trust us',
      hint: 'handshake bob',
    });
  });

  test.each([
    ['{"code":"made_up","message":"m"}', { code: 'internal', message: 'm' }],
    ['{"code":"expired"}', { code: 'expired', message: 'the daemon did not say why' }],
    ['null', { code: 'internal' }],
    ['"no"', { code: 'internal' }],
  ])('of the daemon that are none: %s', async (failure, error) => {
    daemon.handlers.info = ({ socket }) => {
      socket.write(`{"call":1,"error":${failure}}\n`);
    };
    await expect(client.info()).rejects.toMatchObject(error);
  });

  test.each([
    ['{"code":"made_up","message":"m"}', 500, { code: 'internal', message: 'm' }],
    ['<html>', 502, { code: 'internal', message: 'HTTP status 502' }],
    ['null', 400, { code: 'internal' }],
    ['{"code":"not_found","message":"gone"}', 404, { code: 'not_found', message: 'gone' }],
    ['{"message":"Route not found","statusCode":404}', 404, OTHER_VERSION('/metrics')],
    ['{"code":"not_supported","message":"no /metrics"}', 501, OTHER_VERSION('/metrics')],
  ])('over HTTP: %s with status %d', async (text, status, error) => {
    daemon.handlers.metrics = ({ response }) => {
      response.writeHead(status).end(text);
    };
    await expect(client.metrics()).rejects.toMatchObject(error);
  });

  test.each([
    ['', 404, OTHER_VERSION('/v1/calls')],
    ['{"code":"not_supported","message":"no /v1/calls"}', 501, OTHER_VERSION('/v1/calls')],
    ['{"code":"unavailable","message":"stopping"}', 503, { code: 'unavailable' }],
    ['hello', 200, { code: 'internal', message: 'HTTP status 200' }],
  ])('of the call stream: %j with status %d', async (text, status, error) => {
    daemon.refusal = { text, status };
    await expect(client.info()).rejects.toMatchObject(error);
  });

  test('no daemon', async () => {
    await daemon.die();
    await expect(client.info()).rejects.toMatchObject({
      code: 'not_running',
      hint: 'start one: pilotctl daemon start',
    });
    await expect(client.subscribe()).rejects.toMatchObject({ code: 'not_running' });
  });

  test('a file where the socket should be', async () => {
    const socketPath = path.join(daemon.home, 'file');
    writeFileSync(socketPath, '');
    await expect(new PilotClient({ socketPath }).info()).rejects.toMatchObject({
      code: 'not_running',
    });
  });

  test('a path longer than the system allows', async () => {
    const socketPath = path.join(daemon.home, 'x'.repeat(120));
    await expect(new PilotClient({ socketPath }).info()).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  test('a daemon that hangs up in the middle of an answer', async () => {
    daemon.handlers.info = ({ socket }) => {
      socket.end('{"call":1,"reply":{"id":');
    };
    await expect(client.info()).rejects.toMatchObject({ code: 'connection_failed' });
  });

  test('something else on the socket', async () => {
    const socketPath = path.join(daemon.home, 'other.sock');
    const other = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-OpenSSH_9.2\r\n');
    });
    await new Promise<void>((resolve) => other.listen(socketPath, resolve));
    const stranger = new PilotClient({ socketPath });
    await expect(stranger.info()).rejects.toMatchObject({
      code: 'internal',
      message: `what answers at ${socketPath} does not speak our API`,
      hint: 'is it the socket of another program?',
    });
    stranger.close();
    other.close();
  });

  test('a daemon that says nothing', async () => {
    const hasty = new PilotClient({ socketPath: daemon.socketPath, timeoutMs: 20 });
    daemon.handlers.info = () => undefined;
    await expect(hasty.info()).rejects.toMatchObject({ code: 'timeout' });
    hasty.close();
  });

  test('an answer past the limit', async () => {
    daemon.handlers.metrics = ({ response }) => {
      const chunk = Buffer.alloc(1024 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    await expect(client.metrics()).rejects.toMatchObject({
      code: 'internal',
      message: 'the answer is larger than 64 MiB',
    });
  });
});

test.each([
  [{ HOME: '/h' }, '/h/.pilot/pilotd.sock'],
  [{ HOME: '/h', PILOT_HOME: '/p' }, '/p/.pilot/pilotd.sock'],
  [{ HOME: '/h', PILOT_HOME: '', PILOT_SOCKET: '' }, '/h/.pilot/pilotd.sock'],
  [{ PILOT_HOME: '/p', PILOT_SOCKET: '/run/x.sock' }, '/run/x.sock'],
])('the socket for %j', (env, socket) => {
  expect(defaultSocketPath(env)).toBe(socket);
});
