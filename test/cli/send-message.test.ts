import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { FakeDaemon } from '../client/fake-daemon.ts';
import { BOB, incoming, outgoing } from '../client/fake-nodes.ts';
import { type CliSettings, type Ran, runCli } from './run-cli.ts';

let daemon: FakeDaemon;
let folder: string;

beforeAll(async () => {
  daemon = await new FakeDaemon().start();
  folder = mkdtempSync(path.join(daemon.home, 'files-'));
});

afterAll(async () => {
  await daemon.stop();
});

beforeEach(() => {
  daemon.calls.length = 0;
  daemon.handlers.sendMessage = () => outgoing('m1');
});

async function send(args: readonly string[], settings: CliSettings = {}): Promise<Ran> {
  const env = { PILOT_SOCKET: daemon.socketPath };
  return runCli(['send-message', ...args], { ...settings, env });
}

const sent = () => daemon.callsTo('sendMessage')[0]?.body;

describe('what is sent', () => {
  test.each<[readonly string[], string | Uint8Array, object]>([
    [['bob', '--data', 'hello'], '', { type: 'text', data: 'hello' }],
    [['bob', '--data', ''], '', { type: 'text', data: '' }],
    [['bob', '--data', '-'], 'from\nstdin', { type: 'text', data: 'from\nstdin' }],
    [['bob', '--type=json', '--data', ' {"a": 1}'], '', { type: 'json', data: ' {"a": 1}' }],
    [
      ['bob', '--type', 'binary', '--data', '-'],
      Uint8Array.of(0, 255),
      { type: 'binary', data: 'AP8=', encoding: 'base64' },
    ],
  ])('%j', async (args, stdin, body) => {
    await expect(send(args, { stdin })).resolves.toMatchObject({ code: 0 });
    expect(sent()).toMatchObject({ target: 'bob', ...body, confirm_ms: 5000 });
    expect(sent()?.['message_id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a file', async () => {
    const file = path.join(folder, 'a file');
    writeFileSync(file, 'in a file');
    await send(['bob', '--data-file', file]);
    expect(sent()).toMatchObject({ type: 'text', data: 'in a file' });
    rmSync(file);
  });

  test('reply, expiry and wait', async () => {
    await send(['bob', '--data', 'x', '--reply-to', 'r1', '--expires', '7d', '--wait', '2s']);
    expect(sent()).toMatchObject({ reply_to: 'r1', expires_ms: 604_800_000, wait_ms: 2000 });
    expect(sent()).not.toHaveProperty('confirm_ms');
  });

  test('a bare --wait is 30 s, also before the target', async () => {
    await send(['--wait', 'bob', '--data', 'x']);
    expect(sent()).toMatchObject({ target: 'bob', wait_ms: 30_000 });
  });
});

describe('what is refused before it is sent', () => {
  test.each<[string, readonly string[], string | Uint8Array, object]>([
    ['no payload', ['bob'], '', { message: 'there is nothing to send' }],
    [
      'two payloads',
      ['bob', '--data', 'x', '--data-file', 'y'],
      '',
      { message: '--data and --data-file exclude each other' },
    ],
    [
      'invalid JSON',
      ['bob', '--type', 'json', '--data', '{a: 1}'],
      '',
      { message: expect.stringMatching(/^the payload is not JSON: /) as string },
    ],
    [
      'bytes as text',
      ['bob', '--data', '-'],
      Uint8Array.of(0xff),
      { hint: 'use the type binary for other bytes' },
    ],
    [
      'more than any daemon takes',
      ['bob', '--data', '-'],
      'x'.repeat(1024 * 1024 + 1),
      { message: 'standard input has more than 1048576 bytes' },
    ],
    [
      'a missing file',
      ['bob', '--data-file', '/nowhere/x'],
      '',
      { code: 'not_found', message: 'there is no file /nowhere/x' },
    ],
    [
      'a folder',
      ['bob', '--data-file', '/'],
      '',
      { message: expect.stringMatching(/^cannot read \//) as string },
    ],
    [
      'an unknown type',
      ['bob', '--data', 'x', '--type', 'xml'],
      '',
      { message: expect.stringContaining('text, json, binary') as string },
    ],
    ['no target', ['--data', 'x'], '', { message: "missing required argument 'target'" }],
    [
      'an expiry past 30 days',
      ['bob', '--data', 'x', '--expires', '31d'],
      '',
      { message: expect.stringContaining('720h') as string },
    ],
  ])('%s', async (_, args, stdin, failure) => {
    const ran = await send([...args, '--json'], { stdin });
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.failure).toMatchObject({ code: 'invalid_argument', ...failure });
    expect(daemon.calls).toEqual([]);
  });
});

describe('what became of it', () => {
  const who = `bob (${BOB.address})`;
  test.each([
    ['delivered', '', `delivered to ${who}: 5 bytes, message m1\n`, 'ACK TEXT 5 bytes'],
    ['stored', '', `stored: a relay keeps it for ${who}: 5 bytes, message m1\n`, ''],
    ['sent', '', `sent to ${who}, not confirmed yet: 5 bytes, message m1\n`, ''],
    ['queued', 'no relay', `queued for ${who} (no relay): 5 bytes, message m1\n`, ''],
  ] as const)('%s', async (status, reason, text, ack) => {
    daemon.handlers.sendMessage = () => outgoing('m1', { status, reason });
    await expect(send(['bob', '--data', 'x'])).resolves.toMatchObject({ code: 0, stdout: text });
    const { json } = await send(['bob', '--data', 'x', '--json']);
    expect(json.data).toMatchObject({ ack, status, to: BOB.address, to_id: BOB.id, target: 'bob' });
  });

  test.each([
    ['trust_required', 'trust_required'],
    ['dropped by hand', 'unavailable'],
  ])('dead: %s', async (reason, code) => {
    daemon.handlers.sendMessage = () => outgoing('m1', { status: 'dead', reason });
    const { failure } = await send(['bob', '--data', 'x', '--json']);
    expect(failure).toMatchObject({ code, hint: 'try it again: pilotctl outbox retry m1' });
  });
});

describe('--wait', () => {
  const reply = incoming('r1', { reply_to: 'm1', data: '{"ok":\ntrue}\u001b[2J', type: 'text' });

  test('prints the payload of the reply alone', async () => {
    daemon.handlers.sendMessage = () => ({ ...outgoing('m1'), reply, reply_after_ms: 12 });
    const ran = await send(['bob', '--data', 'x', '--wait']);
    expect(ran).toMatchObject({ code: 0, stdout: reply.data, stderr: '' });
    const onScreen = await send(['bob', '--data', 'x', '--wait'], { isTerminal: true });
    expect(onScreen.stdout).toBe('{"ok":\ntrue}\\u001b[2J\n');
  });

  test('bytes as they are', async () => {
    const binary = incoming('r1', { type: 'binary', data: 'AP8=', encoding: 'base64' });
    daemon.handlers.sendMessage = () => ({ ...outgoing('m1'), reply: binary, reply_after_ms: 1 });
    const { bytes } = await send(['bob', '--data', 'x', '--wait']);
    expect([...bytes]).toEqual([0, 255]);
  });

  test('--json has the reply and how long it took', async () => {
    daemon.handlers.sendMessage = () => ({ ...outgoing('m1'), reply, reply_after_ms: 12 });
    const { json } = await send(['bob', '--data', 'x', '--wait', '--json']);
    expect(json.data).toMatchObject({
      reply: { id: 'r1', data: reply.data, from: BOB.address, from_id: BOB.id, reply_to: 'm1' },
      reply_after_ms: 12,
    });
  });

  test('no reply is a timeout that says what becomes of the message', async () => {
    daemon.handlers.sendMessage = () => {
      throw new PilotError('timeout', 'nobody answered');
    };
    const ran = await send(['bob', '--data', 'x', '--wait', '90', '--json']);
    expect(ran.code).toBe(1);
    expect(ran.failure).toMatchObject({
      code: 'timeout',
      message: 'no reply from bob within 1 m 30 s',
      hint: expect.stringContaining('pilotctl outbox') as string,
    });
  });

  test('Ctrl-C ends the wait, and the request', async () => {
    const { Interrupted } = await import('../../src/cli/io.ts');
    const stop = new AbortController();
    const hungUp = new Promise((resolve) => {
      daemon.handlers.sendMessage = ({ givenUp }) => {
        resolve(givenUp);
        stop.abort(new Interrupted('SIGINT'));
      };
    });
    const ran = await send(['bob', '--data', 'x', '--wait'], { signal: stop.signal });
    expect(ran).toMatchObject({ code: 130, stdout: '', stderr: '' });
    await hungUp;
  });
});
