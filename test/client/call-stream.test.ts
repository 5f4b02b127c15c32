import { execFile } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { PilotClient } from '../../src/client/client.ts';
import { type FakeCall, FakeDaemon } from './fake-daemon.ts';
import { INFO, outgoing } from './fake-nodes.ts';

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

const times = async <T>(count: number, run: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, async (_, i) => run(i)));

describe('many calls, one connection', () => {
  test('a thousand sends arrive in order, and each gets its own answer', async () => {
    daemon.handlers.sendMessage = ({ body }) => outgoing(String(body['message_id']));
    const sent = await times(1000, async (i) => client.send('bob', 'x', { messageId: `m${i}` }));
    const ids = Array.from({ length: 1000 }, (_, i) => `m${i}`);
    expect(sent.map(({ message_id: id }) => id)).toEqual(ids);
    expect(daemon.calls.map(({ body }) => body['message_id'])).toEqual(ids);
    expect(daemon.connectionCount).toBe(1);
  });

  test('answers come in any order', async () => {
    const answers: (() => void)[] = [];
    daemon.handlers.sendMessage = async ({ body }) =>
      new Promise((resolve) => {
        answers.push(() => {
          resolve(outgoing(String(body['message_id'])));
        });
        if (answers.length === 3) for (const answer of answers.reverse()) answer();
      });
    const sent = await times(3, async (i) => client.send('bob', 'x', { messageId: `m${i}` }));
    expect(sent.map(({ message_id: id }) => id)).toEqual(['m0', 'm1', 'm2']);
  });

  test('no more than maxCalls are in flight; the others follow in order', async () => {
    const few = new PilotClient({ socketPath: daemon.socketPath, maxCalls: 2 });
    let inFlight = 0;
    let most = 0;
    daemon.handlers.sendMessage = async ({ body }) => {
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      return outgoing(String(body['message_id']));
    };
    await times(9, async (i) => few.send('bob', 'x', { messageId: `m${i}` }));
    expect(most).toBe(2);
    expect(daemon.calls.map(({ body }) => body['message_id']).join()).toBe(
      'm0,m1,m2,m3,m4,m5,m6,m7,m8',
    );
    few.close();
  });

  test('a thousand that wait for a peer do not hold up a quick one', async () => {
    const stop = new AbortController();
    daemon.handlers.sendMessage = () => undefined;
    daemon.handlers.info = () => INFO;
    const waiting = times(1000, async () => client.request('bob', 'x', { signal: stop.signal }));
    const ended = expect(waiting).rejects.toThrow('This operation was aborted');
    await expect(client.info()).resolves.toEqual(INFO);
    stop.abort();
    await ended;
    await expect(client.info()).resolves.toEqual(INFO);
  });
});

describe('a call that is given up', () => {
  test('is cancelled at the daemon, and the others go on', async () => {
    const stop = new AbortController();
    const calls: FakeCall[] = [];
    daemon.handlers.info = () => INFO;
    daemon.handlers.sendMessage = (call) => {
      calls.push(call);
      stop.abort(new Error('enough'));
    };
    await expect(client.send('bob', 'x', { signal: stop.signal })).rejects.toThrow('enough');
    await calls[0]?.givenUp;
    await expect(client.info()).resolves.toEqual(INFO);
    expect(daemon.connectionCount).toBe(1);
  });

  test('before it was sent, is never seen', async () => {
    const stop = new AbortController();
    daemon.handlers.info = () => INFO;
    const given = client.send('bob', 'x', { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    await client.info();
    expect(daemon.callsTo('sendMessage')).toEqual([]);
  });

  test('has its answer ignored', async () => {
    const stop = new AbortController();
    let answer: (info: object) => void = () => undefined;
    daemon.handlers.info = async () =>
      new Promise((resolve) => {
        answer = resolve;
        stop.abort(new Error('enough'));
      });
    await expect(client.info({ signal: stop.signal })).rejects.toThrow('enough');
    answer({ ...INFO, hostname: 'late' });
    daemon.handlers.info = () => INFO;
    await expect(client.info()).resolves.toEqual(INFO);
  });

  test('by the time limit, says how long it was', async () => {
    const hasty = new PilotClient({ socketPath: daemon.socketPath, timeoutMs: 20 });
    daemon.handlers.info = () => undefined;
    await expect(hasty.info()).rejects.toMatchObject({
      code: 'timeout',
      message: `the daemon at ${daemon.socketPath} did not answer in 0.02 s`,
    });
    hasty.close();
  });
});

describe('a connection that breaks', () => {
  test('is made anew by the next call', async () => {
    daemon.handlers.info = () => INFO;
    await client.info();
    await daemon.die();
    await expect(client.info()).rejects.toMatchObject({ code: 'not_running' });
    await daemon.start();
    await expect(client.info()).resolves.toEqual(INFO);
    expect(daemon.connectionCount).toBe(2);
  });

  test('under the first call on it: the call fails', async () => {
    daemon.handlers.info = ({ socket }) => {
      socket.destroy();
    };
    await expect(client.info()).rejects.toMatchObject({
      code: 'connection_failed',
      hint: 'see: pilotctl daemon status',
    });
    expect(daemon.callsTo('info')).toHaveLength(1);
  });

  test('that was kept and silent since: the call is repeated, once', async () => {
    daemon.handlers.info = () => INFO;
    await client.info();
    daemon.handlers.info = ({ socket }) => {
      daemon.handlers.info = () => INFO;
      socket.destroy();
    };
    await expect(client.info()).resolves.toEqual(INFO);
    daemon.handlers.info = ({ socket }) => {
      socket.destroy();
    };
    await expect(client.info()).rejects.toMatchObject({ code: 'connection_failed' });
    expect(daemon.callsTo('info')).toHaveLength(5);
  });

  test('that had answered another call since: the call fails', async () => {
    daemon.handlers.info = () => INFO;
    daemon.handlers.sendMessage = () => undefined;
    await client.info();
    const sent = client.send('bob', 'x');
    await client.info();
    for (const socket of daemon.connections) socket.destroy();
    await expect(sent).rejects.toMatchObject({ code: 'connection_failed' });
    expect(daemon.callsTo('sendMessage')).toHaveLength(1);
  });

  test('repeats what it carried, in order and before what waits', async () => {
    daemon.handlers.info = () => INFO;
    const few = new PilotClient({ socketPath: daemon.socketPath, maxCalls: 2 });
    await few.info();
    daemon.handlers.sendMessage = ({ socket }) => {
      socket.destroy();
      daemon.calls.length = 0;
      daemon.handlers.sendMessage = ({ body }) => outgoing(String(body['message_id']));
    };
    await times(5, async (i) => few.send('bob', 'x', { messageId: `m${i}` }));
    expect(
      daemon.calls
        .map(({ body }) => body['message_id'])
        .slice(-5)
        .join(),
    ).toBe('m0,m1,m2,m3,m4');
    few.close();
  });

  test('by what the daemon says of it: every call in flight gets its words, and none is repeated', async () => {
    daemon.handlers.info = () => INFO;
    await client.info();
    daemon.handlers.health = ({ socket }) => {
      if (socket.writableEnded) return;
      socket.end('{"call":null,"error":{"code":"invalid_argument","message":"the line is odd"}}\n');
    };
    const calls = times(2, async () => client.health());
    await expect(calls).rejects.toMatchObject({
      code: 'invalid_argument',
      message: 'the line is odd',
    });
    expect(daemon.connectionCount).toBe(1);
  });
});

test('a call over what a line may have is refused here, and harms no other', async () => {
  daemon.maxLineBytes = 1000;
  daemon.handlers.sendMessage = ({ body }) => outgoing(String(body['message_id']));
  const [small, large] = await Promise.allSettled([
    client.send('bob', 'x', { messageId: 'm' }),
    client.send('bob', 'é'.repeat(500)),
  ]);
  expect(small).toMatchObject({ value: { message_id: 'm' } });
  expect(large).toMatchObject({
    reason: {
      code: 'invalid_argument',
      message: 'the request is over 1000 bytes',
      hint: 'messaging.max_payload_kb in the configuration sets how much a message may hold',
    },
  });
});

test('a closed client calls no more', async () => {
  daemon.handlers.info = () => undefined;
  const arrived = expect.poll(() => daemon.calls.length).toBe(1);
  const called = expect(client.info()).rejects.toMatchObject({ code: 'connection_failed' });
  await arrived;
  client.close();
  await called;
  await expect(client.info()).rejects.toMatchObject({ message: 'this client is closed' });
});

test('what is called and closed in one turn never starts', async () => {
  const called = client.info();
  client.close();
  await expect(called).rejects.toMatchObject({ message: 'this client is closed' });
  expect(daemon.connectionCount).toBe(0);
});

test('a process ends when its calls have, also with a client that is left open', async () => {
  daemon.handlers.info = async () =>
    new Promise((resolve) => {
      setImmediate(resolve, INFO);
    });
  const program = path.join(daemon.home, 'program.mjs');
  await build({
    stdin: {
      contents: `import { PilotClient } from './src/client/client.ts';
        const client = new PilotClient({ socketPath: process.argv[2] });
        for (let i = 0; i < 3; i++) console.log((await client.info()).hostname);`,
      resolveDir: process.cwd(),
    },
    ...{ outfile: program, bundle: true, platform: 'node', format: 'esm', target: 'node20.19' },
  });
  const { stdout } = await promisify(execFile)(process.execPath, [program, daemon.socketPath], {
    timeout: 10_000,
  });
  expect(stdout).toBe('alice\n'.repeat(3));
});

describe('what answers there', () => {
  let server: Server | undefined;
  const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: pilot-calls\r\n\r\n';

  async function answering(answer: (socket: Socket) => void): Promise<PilotClient> {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        answer(socket);
      });
    });
    const socketPath = path.join(daemon.home, 'other.sock');
    const listening = server;
    await new Promise<void>((resolve) => listening.listen(socketPath, resolve));
    client.close();
    client = new PilotClient({ socketPath, timeoutMs: 5000 });
    return client;
  }

  afterEach(() => {
    server?.close();
  });

  const ALIEN = { code: 'internal', hint: 'is it the socket of another program?' };
  test.each<[string, string, object]>([
    ['hangs up without a word', '', { code: 'connection_failed' }],
    ['hangs up in mid-head', 'HTTP/1.1 101 Switch', { code: 'internal' }],
    ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nhello', ALIEN],
    ['never ends its head', 'x'.repeat(20_000), ALIEN],
    ['gives no JSON', `${UPGRADED}hello\n`, ALIEN],
    ['gives JSON that is no answer', `${UPGRADED}null\n`, ALIEN],
    ['gives no UTF-8', `${UPGRADED}\xff\n`, ALIEN],
  ])('%s', async (_what, bytes, error) => {
    const stranger = await answering((socket) => socket.end(Buffer.from(bytes, 'latin1')));
    await expect(stranger.info()).rejects.toMatchObject(error);
  });

  test('speaks the protocol one byte a time', async () => {
    const bytes = Buffer.from(`${UPGRADED}{"call":7,"reply":{}}\n{"call":1,"reply":{"id":"é"}}\n`);
    const slow = await answering((socket) => {
      for (const byte of bytes) socket.write(Buffer.of(byte));
    });
    await expect(slow.info()).resolves.toEqual({ id: 'é' });
  });

  test('says nothing: the call ends, and the next one tries anew', async () => {
    let connections = 0;
    let stop = new AbortController();
    const mute = await answering(() => {
      connections += 1;
      stop.abort(new Error('enough'));
    });
    await expect(mute.info({ signal: stop.signal })).rejects.toThrow('enough');
    stop = new AbortController();
    await expect(mute.info({ signal: stop.signal })).rejects.toThrow('enough');
    expect(connections).toBe(2);
  });
});
