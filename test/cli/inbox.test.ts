import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { Interrupted } from '../../src/cli/io.ts';
import type { IncomingMessage } from '../../src/client/api.ts';
import { PilotError } from '../../src/client/client.ts';
import { FakeDaemon } from '../client/fake-daemon.ts';
import { ALICE, BOB, incoming } from '../client/fake-nodes.ts';
import { runCli, type RunningCli, startCli } from './run-cli.ts';

const inbox = new Map<string, IncomingMessage>();
let daemon: FakeDaemon;
let stop: AbortController;
let env: Readonly<Record<string, string>>;

beforeEach(async () => {
  inbox.clear();
  stop = new AbortController();
  daemon = new FakeDaemon({
    listInbox: () => {
      const unread = [...inbox.values()].filter(({ read }) => !read).reverse();
      const messages = unread.map((message) => ({ ...message, data: undefined }));
      return { messages, total: inbox.size, shown: unread.length };
    },
    readInbox: ({ params }) => find(params['id'] ?? ''),
    markInbox: ({ params }) => {
      const message = { ...find(params['id'] ?? ''), read: true };
      inbox.set(message.id, message);
      return message;
    },
    resolve: () => BOB,
    clearInbox: ({ query }) => ({ cleared: query.has('before') ? 1 : 2, remaining: 3 }),
  });
  await daemon.start();
  env = { PILOT_SOCKET: daemon.socketPath, PILOT_HOME: daemon.home };
});

afterEach(async () => {
  stop.abort(new Interrupted('SIGINT'));
  await daemon.stop();
});

function find(id: string): IncomingMessage {
  const message = inbox.get(id);
  if (message === undefined) throw new PilotError('not_found', `no message ${id}`);
  return message;
}

function put(id: string, fields: Partial<IncomingMessage> = {}): IncomingMessage {
  const message = incoming(id, { data: `payload ${id}`, ...fields });
  inbox.set(id, message);
  return message;
}

function follow(...args: string[]): RunningCli {
  return startCli(['inbox', '--follow', ...args], { env, signal: stop.signal });
}

describe('--follow', () => {
  test('prints what is unread, oldest first, then what comes; marks each', async () => {
    put('1');
    put('2', { read: true });
    put('3');
    const cli = follow();
    await expect.poll(() => cli.text()).toBe('INBOUND: payload 1\nINBOUND: payload 3\n');
    daemon.emit('message.received', put('4'));
    await expect.poll(() => cli.text()).toContain('INBOUND: payload 4\n');
    await expect.poll(() => [...inbox.values()].every(({ read }) => read)).toBe(true);
    stop.abort(new Interrupted('SIGINT'));
    await expect(cli.finished).resolves.toMatchObject({ code: 130, stderr: '' });
  });

  test.each<[Partial<IncomingMessage>, string]>([
    [{ data: 'two\nlines\r\n\u001b[31m' }, 'two\\nlines\\n\\u001b[31m'],
    [{ data: 'a\\nb' }, 'a\\nb'],
    [{ type: 'json', data: '{\n  "a": "x\\ny"\n}' }, '{   "a": "x\\ny" }'],
    [{ type: 'binary', data: 'AP8=', encoding: 'base64' }, 'AP8='],
    [{ type: 'text', data: 'aGk=', encoding: 'base64' }, 'hi'],
  ])('%j is one line', async (fields, line) => {
    put('1', fields);
    const cli = follow();
    await expect.poll(() => cli.text()).toBe(`INBOUND: ${line}\n`);
  });

  test('--json: one bare object per line, with everything as it is', async () => {
    const message = put('1', { data: 'two\nlines\u2028' });
    const cli = follow('--json');
    await expect.poll(() => cli.text()).toMatch(/\n$/);
    expect(cli.text().split(/[\n\u2028]/)).toHaveLength(2);
    const { from, ...others } = message;
    expect(JSON.parse(cli.text())).toEqual({
      ...others,
      message_id: '1',
      ...{ from: from.address, from_id: from.id, from_node_id: from.node_id },
      from_hostname: from.hostname,
    });
  });

  test('--peek leaves them unread and prints none twice, over a restart of the daemon', async () => {
    put('1');
    const cli = follow('--peek');
    await expect.poll(() => cli.text()).toBe('INBOUND: payload 1\n');
    await expect.poll(() => daemon.subscriberCount).toBe(1);
    await daemon.die();
    await expect.poll(() => cli.errorText()).toBe('note:  the daemon is gone; waiting for it\n');
    put('2');
    await daemon.start();
    await expect.poll(() => cli.text()).toBe('INBOUND: payload 1\nINBOUND: payload 2\n');
    expect(cli.errorText()).toContain('note:  the daemon is back\n');
    expect(daemon.callsTo('markInbox')).toEqual([]);
  });

  test('--from: only what that node sent', async () => {
    const cli = follow('--from', 'bob', '--since', '1h');
    await expect.poll(() => daemon.subscriberCount).toBe(1);
    expect(daemon.callsTo('listInbox')[0]?.query.toString()).toContain('from=bob&since=1h');
    daemon.emit('message.received', put('1', { from: ALICE }));
    daemon.emit('message.received', put('2'));
    await expect.poll(() => cli.text()).toBe('INBOUND: payload 2\n');
  });

  test('a message that is deleted meanwhile is no failure', async () => {
    put('1');
    put('2');
    const read = daemon.handlers.readInbox;
    daemon.handlers.readInbox = (call) => {
      inbox.delete('1');
      return read?.(call);
    };
    const cli = follow();
    await expect.poll(() => cli.text()).toBe('INBOUND: payload 2\n');
    inbox.clear();
    daemon.emit('message.received', incoming('3', { data: 'x' }));
    await expect.poll(() => daemon.callsTo('markInbox').length).toBe(2);
    expect(cli.errorText()).toBe('');
  });

  test('no daemon to begin with', async () => {
    await daemon.die();
    await expect(follow().finished).resolves.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no daemon answers') as string,
    });
  });
});

describe('list', () => {
  test('asks for what the options say', async () => {
    await runCli(
      ['inbox', '--full', '--unread', '--limit', '5', '--from', 'bob', '--since', '2h'],
      { env },
    );
    expect(Object.fromEntries(daemon.callsTo('listInbox')[0]?.query ?? [])).toEqual({
      ...{ full: 'true', unread: 'true', limit: '5', from: 'bob', since: '2h' },
    });
    await runCli(['inbox'], { env });
    expect(daemon.callsTo('listInbox')[1]?.query.toString()).toBe('limit=10');
  });

  test('nothing to list', async () => {
    await expect(runCli(['inbox'], { env })).resolves.toMatchObject({ stdout: 'no messages\n' });
    put('1', { read: true });
    await expect(runCli(['inbox'], { env })).resolves.toMatchObject({
      stdout: 'none of 1 messages\n',
    });
  });

  test('bytes are not shown', async () => {
    put('1', { type: 'binary', preview: '\u0000' });
    const { stdout } = await runCli(['inbox'], { env });
    expect(stdout).toContain('(binary)');
  });
});

describe('--clear', () => {
  test.each([
    [[], 2],
    [['--before', '1h'], 1],
  ])('%j', async (args, cleared) => {
    const { json } = await runCli(['inbox', '--clear', ...args, '--json'], { env });
    expect(json.data).toEqual({ cleared, remaining: 3 });
  });

  test('--before alone deletes nothing', async () => {
    const ran = await runCli(['inbox', '--before', '1h', '--json'], { env });
    expect(ran.failure).toMatchObject({ code: 'invalid_argument' });
    expect(daemon.calls).toEqual([]);
  });
});

test('inbox read --peek', async () => {
  put('1');
  await runCli(['inbox', 'read', '1', '--peek'], { env });
  await runCli(['inbox', 'read', '1'], { env });
  const queries = daemon.callsTo('readInbox').map(({ query }) => query.toString());
  expect(queries).toEqual(['peek=true', '']);
});
