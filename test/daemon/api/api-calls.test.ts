import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, onTestFinished, test } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import { PilotClient } from '../../../src/client/client.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { INCOMING, NAMES, OUTGOING } from '../fake-node.ts';
import { openApi, startApi, temporaryFolder } from './api-fixture.ts';
import { CallClient } from './call-client.ts';

const ID = INCOMING.id;
const MESSAGE = { target: 'beta', type: 'text', data: 'hi' };
const PING = { route: 'ping', body: { target: 'beta' } };

describe('a call', () => {
  test.each<[object, { name: string; args: unknown[] }, unknown]>([
    [
      { route: 'setHostname', body: { hostname: 'beta' } },
      { name: 'setHostname', args: ['beta'] },
      { hostname: 'beta', node_id: NAMES.node_id, published: true },
    ],
    [
      { route: 'messageStatus', params: { id: ID } },
      { name: 'messageStatus', args: [ID] },
      OUTGOING,
    ],
    [
      { route: 'listInbox', query: { limit: 5, full: true, unread: false, from: 'beta' } },
      { name: 'inbox', args: [{ limit: 5, full: true, unread: false, from: 'beta' }] },
      { messages: [INCOMING], total: 1, shown: 1 },
    ],
    [
      { route: 'listInbox', query: { limit: '5', full: '' }, params: {}, body: {} },
      { name: 'inbox', args: [{ limit: 5, full: true }] },
      { messages: [INCOMING], total: 1, shown: 1 },
    ],
    [{ route: 'sendMessage', body: MESSAGE }, { name: 'send', args: [MESSAGE] }, OUTGOING],
  ])('%j does what it does over HTTP', async (request, expected, reply) => {
    const { node, socketPath } = await startApi();
    const client = await CallClient.open(socketPath);
    client.write({ call: 7, ...request });
    expect(await client.answer()).toEqual({ call: 7, reply });
    expect(node.calls).toEqual([expected]);
  });

  test('that fails has code, message and hint; what is not for users goes to the log', async () => {
    const { node, socketPath, log } = await startApi();
    const client = await CallClient.open(socketPath);
    node.failure = new PilotError('trust_required', 'no trust', { hint: 'ask' });
    client.write({ call: 1, route: 'peers' });
    const failure = { code: 'trust_required', message: 'no trust', hint: 'ask' };
    expect(await client.answer()).toEqual({ call: 1, error: failure });
    node.failure = new Error('secret detail');
    client.write({ call: 2, route: 'peers' }, { call: 3, route: 'sendMessage', body: MESSAGE });
    for (const answer of await client.answers(2)) {
      expect(answer).toMatchObject({ error: { code: 'internal' } });
      expect(JSON.stringify(answer)).not.toContain('secret');
    }
    expect(log.map(({ level, fields }) => [level, fields])).toEqual([
      ['error', { err: node.failure, route: 'peers' }],
      ['error', { err: node.failure, route: 'sendMessage' }],
    ]);
  });

  test('is logged where requests are', async () => {
    const { socketPath, log } = await startApi({ logRequests: true });
    const client = await CallClient.open(socketPath);
    client.write({ call: 1, route: 'peers' }, { call: 2, route: 'nope' });
    await client.answers(2);
    const ms = expect.any(Number) as number;
    expect(log.map(({ level, fields }) => [level, fields])).toEqual([
      ['debug', { route: 'peers', code: 'ok', ms }],
      ['debug', { route: 'nope', code: 'not_supported', ms }],
    ]);
  });
});

describe('many calls', () => {
  test('reach the node in the order of their lines', async () => {
    const { node, socketPath } = await startApi();
    const client = await CallClient.open(socketPath);
    const targets = Array.from({ length: 500 }, (_, i) => `n${i}`);
    client.write(
      ...targets.map((target, i) => ({
        call: i,
        route: 'sendMessage',
        body: { ...MESSAGE, target },
      })),
    );
    await client.answers(500);
    expect(node.calls.map(({ args }) => (args[0] as { target: string }).target)).toEqual(targets);
  });

  test('one that waits holds up no other', async () => {
    const { node, socketPath } = await startApi();
    const client = await CallClient.open(socketPath);
    node.isWaiting = true;
    client.write({ call: 1, ...PING }, { call: 2, route: 'health' });
    expect(await client.answer()).toMatchObject({ call: 2, reply: { status: 'ok' } });
  });

  test('1,024 may be in flight; their numbers are free again with the answer', async () => {
    const { node, socketPath } = await startApi();
    const client = await CallClient.open(socketPath);
    node.isWaiting = true;
    for (let call = 0; call <= 1024; call++) client.write({ call, ...PING });
    const unavailable = { code: 'unavailable', message: '1024 calls are in flight already' };
    expect(await client.answer()).toMatchObject({ call: 1024, error: unavailable });
    client.write({ cancel: 3 });
    expect(await client.answer()).toMatchObject({ call: 3 });
    node.isWaiting = false;
    client.write({ call: 3, ...PING });
    expect(await client.answer()).toMatchObject({ call: 3, reply: { rtt_ms: 1.5 } });
  });

  test(
    'a client that does not read is read no more, and gets all in the end',
    { timeout: 20_000 },
    async () => {
      const { node, socketPath } = await startApi();
      const client = await CallClient.open(socketPath);
      client.socket.pause();
      const total = 50_000;
      for (let call = 0; call < total; call++) client.write({ call, route: 'peers' });
      let before = -1;
      await expect
        .poll(() => {
          const isStill = node.calls.length > 0 && node.calls.length === before;
          before = node.calls.length;
          return isStill;
        })
        .toBe(true);
      // Each answer has some 300 bytes: what the system's buffers take, and no more than a write beside.
      expect(node.calls.length).toBeLessThan(total / 10);
      client.socket.resume();
      const answers = (await client.answers(total)) as { call: number }[];
      expect(answers.every(({ call }, i) => call === i)).toBe(true);
    },
  );
});

describe('a call is given up', () => {
  test('by a cancel: it ends, with an answer; a cancel too late is none', async () => {
    const { node, socketPath } = await startApi();
    const client = await CallClient.open(socketPath);
    node.isWaiting = true;
    client.write({ call: 1, ...PING }, { cancel: 2 }, { cancel: 1 }, { cancel: 1 });
    const error = { code: 'connection_failed', message: 'the client cancelled the call' };
    expect(await client.answer()).toEqual({ call: 1, error });
    client.write({ cancel: 1 }, { call: 1, route: 'peers' });
    expect(await client.answer()).toMatchObject({ call: 1, reply: { total: 1 } });
    expect(node.aborted).toMatchObject([error]);
  });

  test('by hanging up: all that wait end', async () => {
    const { node, socketPath, log } = await startApi();
    const client = await CallClient.open(socketPath);
    node.isWaiting = true;
    const arrived = node.nextWait();
    client.write({ call: 1, route: 'resolve', query: { target: 'beta' } });
    await arrived;
    const ended = node.nextAbort();
    client.socket.destroy();
    await ended;
    expect(node.aborted).toMatchObject([
      { code: 'connection_failed', message: 'the client hung up' },
    ]);
    expect(log).toEqual([]);
  });

  test('by closing one half: who waits is told, the others are answered', async () => {
    const { node, socketPath } = await startApi();
    const client = await CallClient.open(socketPath);
    node.isWaiting = true;
    client.write({ call: 1, ...PING }, { call: 2, route: 'retryOutbox', params: { id: ID } });
    client.socket.end('{"call":3,"route":"peers"}\n{"call":4,"rou');
    const answers = (await client.answers(3)) as { call: number }[];
    expect(answers.sort((a, b) => a.call - b.call)).toMatchObject([
      { call: 1, error: { message: 'the client hung up' } },
      { call: 2, reply: OUTGOING },
      { call: 3, reply: { total: 1 } },
    ]);
    expect(await client.answer()).toBeUndefined();
    await client.closed;
  });
});

describe('the daemon stops', () => {
  test('calls in flight end with unavailable, and the stream with them', async () => {
    const { node, socketPath, server } = await startApi();
    const [busy, idle] = [await CallClient.open(socketPath), await CallClient.open(socketPath)];
    node.isWaiting = true;
    const arrived = node.nextWait();
    busy.write({ call: 1, ...PING });
    await arrived;
    const stopped = server.stop();
    expect(await busy.answer()).toMatchObject({ call: 1, error: { code: 'unavailable' } });
    expect([await busy.answer(), await idle.answer()]).toEqual([undefined, undefined]);
    busy.socket.end();
    idle.socket.end();
    await stopped;
  });

  test('a client that does not read holds it up for 2 s at most', async () => {
    const clock = new ManualClock();
    const { node, socketPath, server } = await openApi(temporaryFolder(), { clock });
    const client = await CallClient.open(socketPath);
    client.socket.pause();
    for (let call = 0; call < 20_000; call++) client.write({ call, route: 'peers' });
    await expect.poll(() => node.calls.length).toBeGreaterThan(100);
    const stopped = server.stop();
    clock.advance(2000);
    await stopped;
  });
});

test('the SDK and the daemon understand each other', async () => {
  const { node, socketPath } = await startApi();
  const client = new PilotClient({ socketPath });
  onTestFinished(() => {
    client.close();
  });
  const [health, inbox, sent] = await Promise.all([
    client.health(),
    client.inbox({ limit: 3, full: true }),
    client.send('beta', 'hi'),
  ]);
  expect([health.status, inbox.shown, sent]).toEqual(['ok', 1, OUTGOING]);
  await expect(client.send('beta', 'x'.repeat(23_000))).rejects.toMatchObject({
    code: 'invalid_argument',
    message: 'the request is over 22528 bytes',
  });
  const stop = new AbortController();
  node.isWaiting = true;
  const [arrived, ended] = [node.nextWait(), node.nextAbort()];
  const pinged = client.ping('beta', { signal: stop.signal });
  await arrived;
  stop.abort(new Error('enough'));
  await expect(pinged).rejects.toThrow('enough');
  await ended;
  await expect(client.health()).resolves.toMatchObject({ status: 'ok' });
});

test('the example of docs/local-api.md', async () => {
  const page = readFileSync(new URL('../../../docs/local-api.md', import.meta.url), 'utf8');
  const example = /<!-- test: calls -->\s+```js\n(.*?)```/s.exec(page)?.[1];
  const home = temporaryFolder();
  mkdirSync(path.join(home, '.pilot'));
  const { server, node } = await openApi(path.join(home, '.pilot'));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', example ?? ''],
    { env: { HOME: home }, timeout: 10_000 },
  );
  await server.stop();
  const lines = stdout.trim().split('\n');
  expect(lines.map((each) => JSON.parse(each) as unknown)).toMatchObject([
    { call: 1, reply: { status: 'ok' } },
    { call: 2, reply: OUTGOING },
  ]);
  expect(node.calls.map(({ name }) => name)).toContain('send');
});
