import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { Interrupted } from '../../src/cli/io.ts';
import type { IncomingMessage } from '../../src/client/api.ts';
import { FakeDaemon } from '../client/fake-daemon.ts';
import { BOB, incoming, outgoing } from '../client/fake-nodes.ts';
import { runCli, type RunningCli, startCli } from './run-cli.ts';

let daemon: FakeDaemon;
let stop: AbortController;
let env: Readonly<Record<string, string>>;
let waiting: IncomingMessage[];

beforeEach(async () => {
  stop = new AbortController();
  waiting = [];
  daemon = new FakeDaemon({
    listInbox: () => ({ messages: [...waiting].reverse(), total: 0, shown: 0 }),
    readInbox: ({ params }) => waiting.find(({ id }) => id === params['id']),
    markInbox: ({ params }) => incoming(params['id'] ?? ''),
    sendMessage: () => outgoing('r'),
  });
  await daemon.start();
  env = { PILOT_SOCKET: daemon.socketPath, PILOT_HOME: daemon.home, SECRET_OF_OURS: 'kept' };
});

afterEach(async () => {
  stop.abort(new Interrupted('SIGINT'));
  await daemon.stop();
});

function serve(...args: string[]): RunningCli {
  return startCli(['serve', ...args], { env, signal: stop.signal });
}

const replies = () => daemon.callsTo('sendMessage').map(({ body }) => body);
const marked = () => daemon.callsTo('markInbox').map(({ params }) => params['id']);
const shell = (script: string): string[] => ['--', 'sh', '-c', script];

test('the payload on standard input, standard output is the reply', async () => {
  waiting = [incoming('1', { data: 'hello\nthere' })];
  const cli = serve('--', 'tr', 'a-z', 'A-Z');
  await expect.poll(marked).toEqual(['1']);
  expect(replies()).toMatchObject([
    { target: BOB.id, reply_to: '1', type: 'text', data: 'HELLO\nTHERE' },
  ]);
  stop.abort(new Interrupted('SIGTERM'));
  await expect(cli.finished).resolves.toMatchObject({ code: 143, stdout: '', stderr: '' });
});

test('what is known of the message is in the environment, beside our own', async () => {
  waiting = [incoming('1', { data: '' })];
  serve(...shell('env'));
  await expect.poll(marked).toEqual(['1']);
  const lines = String(replies()[0]?.['data']).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'PILOT_MESSAGE_ID=1',
      'PILOT_CORRELATION_ID=c-1',
      `PILOT_FROM_ID=${BOB.id}`,
      `PILOT_FROM_ADDRESS=${BOB.address}`,
      'PILOT_FROM_HOSTNAME=bob',
      'PILOT_TYPE=text',
      'SECRET_OF_OURS=kept',
    ]),
  );
});

test('no shell sees the payload', async () => {
  const proof = path.join(daemon.home, 'proof');
  waiting = [incoming('1', { data: `$(touch ${proof}); \`touch ${proof}\`` })];
  serve('--', 'cat');
  await expect.poll(marked).toEqual(['1']);
  expect(replies()[0]).toMatchObject({ data: waiting[0]?.data });
  expect(() => readFileSync(proof)).toThrow('ENOENT');
});

describe('the reply', () => {
  test.each<[readonly string[], string, object]>([
    [[], 'a line\n', { type: 'text', data: 'a line' }],
    [[], 'two\n\n', { type: 'text', data: 'two\n' }],
    [[], 'dos\r\n', { type: 'text', data: 'dos' }],
    [['--reply-type', 'json'], '{"a": 1.0}\n', { type: 'json', data: '{"a": 1.0}' }],
    [['--reply-type', 'json'], '{oops\n', { type: 'text', data: '{oops' }],
    [['--reply-type', 'binary'], '\0\n', { type: 'binary', data: 'AAo=', encoding: 'base64' }],
  ])('%j %j', async (options, output, reply) => {
    waiting = [incoming('1', { data: output })];
    serve(...options, '--', 'cat');
    await expect.poll(marked).toEqual(['1']);
    expect(replies()).toMatchObject([reply]);
  });

  test('no output: none, but the message is done', async () => {
    waiting = [incoming('1', { data: 'x' })];
    serve('--', 'true');
    await expect.poll(marked).toEqual(['1']);
    expect(replies()).toEqual([]);
  });
});

describe('failures', () => {
  test('a program that fails is tried again, then the message is left unread', async () => {
    waiting = [incoming('1', { data: 'x' })];
    const cli = serve('--attempts', '1', ...shell('echo half an answer; echo oops >&2; exit 3'));
    await expect.poll(() => cli.errorText()).toContain('left unread');
    expect(cli.errorText().split('\n').sort()).toEqual([
      '',
      'error: message 1, attempt 1: sh ended with code 3; left unread',
      'oops',
    ]);
    expect({ replies: replies(), marked: marked() }).toEqual({ replies: [], marked: [] });
  });

  test('--json says so in one object', async () => {
    waiting = [incoming('1', { data: 'x' })];
    const cli = serve('--json', '--attempts', '2', ...shell('kill -9 $$'));
    await expect.poll(() => cli.errorText()).toContain('\n');
    expect(JSON.parse(cli.errorText().split('\n')[0] ?? '')).toEqual({
      ...{ message_id: '1', error: 'sh ended with SIGKILL', attempt: 1, retry_in_ms: 1000 },
    });
  });

  test('one that takes too long ends, with all that it started', async () => {
    waiting = [incoming('1', { data: 'x' })];
    const cli = serve(
      '--timeout',
      '50ms',
      '--attempts=1',
      ...shell('sleep 600 & echo $! >&2; wait'),
    );
    await expect
      .poll(() => cli.errorText(), { timeout: 5000 })
      .toContain('took longer than 0.05 s');
    const pid = Number(/^\d+$/m.exec(cli.errorText())?.[0]);
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  test('one that says too much', async () => {
    waiting = [incoming('1', { data: 'x' })];
    const cli = serve('--attempts=1', '--', 'yes');
    await expect.poll(() => cli.errorText(), { timeout: 5000 }).toContain('wrote more than 1 MiB');
  });

  test('output that is not text', async () => {
    waiting = [incoming('1', { type: 'binary', data: '/w==', encoding: 'base64' })];
    const cli = serve('--attempts=1', '--', 'cat');
    await expect.poll(() => cli.errorText()).toContain('a text payload has to be UTF-8');
  });

  test('one that does not read what it is given', async () => {
    waiting = [incoming('1', { data: 'x'.repeat(900_000) })];
    serve('--', 'echo', 'ok');
    await expect.poll(marked).toEqual(['1']);
    expect(replies()).toMatchObject([{ data: 'ok' }]);
  });

  test.each([[['--', 'no-such-program-here']], [['--', '/etc/passwd']]])(
    '%j is refused before anything is served',
    async (args) => {
      const ran = await runCli(['serve', '--json', ...args], { env });
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.failure).toMatchObject({ code: 'not_found' });
      expect(daemon.calls).toEqual([]);
    },
  );

  test('no program at all', async () => {
    const ran = await runCli(['serve', '--json'], { env });
    expect(ran.failure).toMatchObject({
      code: 'invalid_argument',
      message: "missing required argument 'command'",
    });
  });
});

test('an interruption ends what runs and leaves the message unread', async () => {
  const started = path.join(daemon.home, 'started');
  writeFileSync(started, '');
  waiting = [incoming('1', { data: 'x' })];
  const cli = serve(...shell(`echo $$ > ${started}; sleep 600`));
  await expect.poll(() => readFileSync(started, 'utf8')).toMatch(/\n/);
  stop.abort(new Interrupted('SIGINT'));
  await expect(cli.finished).resolves.toMatchObject({ code: 130 });
  await expect.poll(() => isRunning(Number(readFileSync(started, 'utf8')))).toBe(false);
  expect(marked()).toEqual([]);
});

test('goes on when the daemon comes back', async () => {
  const cli = serve('--', 'cat');
  await expect.poll(() => daemon.subscriberCount).toBe(1);
  await expect.poll(() => daemon.callsTo('listInbox').length).toBe(1);
  await daemon.die();
  await expect.poll(() => cli.errorText()).toContain('the daemon is gone');
  waiting = [incoming('1', { data: 'x' })];
  await daemon.start();
  await expect.poll(marked).toEqual(['1']);
  expect(cli.errorText()).toContain('the daemon is back');
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended, and that nobody has asked after, is not running.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
