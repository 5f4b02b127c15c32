import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { Interrupted } from '../../src/cli/io.ts';
import { isAlive, readPidFile } from '../../src/home/pid-file.ts';
import { type CliSettings, type Ran, runCli, startCli } from './run-cli.ts';

const FAKE = path.resolve('test/cli/fake-pilotd.mjs');

let home: string;
const file = (name: string): string => path.join(home, '.pilot', name);

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'pilot-start-'));
});

afterEach(() => {
  const record = readPidFile(file('pilot.pid'));
  if (record !== undefined && isAlive(record)) process.kill(record.pid, 'SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

function environment(mode = 'run'): Record<string, string> {
  return { PILOT_HOME: home, PILOT_DAEMON_BIN: FAKE, PILOT_FAKE: mode };
}

async function daemon(
  args: readonly string[],
  mode?: string,
  settings: CliSettings = {},
): Promise<Ran> {
  return runCli(['daemon', ...args], { ...settings, env: environment(mode) });
}

function started(): { args: string[]; token: string } {
  return JSON.parse(readFileSync(file('started.json'), 'utf8')) as {
    args: string[];
    token: string;
  };
}

describe('start', () => {
  test('returns when the daemon answers and says where it stands', async () => {
    const ran = await daemon(['start', '--relay', 'ws://127.0.0.1:1', '--hostname', 'alpha']);
    const pid = readPidFile(file('pilot.pid'))?.pid ?? 0;
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(
      new RegExp(
        `^daemon +started, process ${pid}\nNode ID +pilot1x\naddress +0:0000.0000.0007\nhostname +alpha\n.*\nrelay +ws://127.0.0.1:1 +online`,
      ),
    );
    expect(isAlive({ pid, startMarker: '' })).toBe(true);
    expect(statSync(file('pilot.log')).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(home, '.pilot')).mode & 0o777).toBe(0o700);
  });

  test('--json has the members of pilotctl interface 1.6, and the Node ID and relays', async () => {
    const { json } = await daemon(['start', '--json']);
    expect(json.data).toEqual({
      ...{ pid: readPidFile(file('pilot.pid'))?.pid, node_id: 7, id: 'pilot1x' },
      ...{ address: '0:0000.0000.0007', hostname: '', socket: file('pilotd.sock') },
      ...{ log_file: file('pilot.log'), relays: [], notices: [] },
    });
  });

  test('waits for a relay that takes a moment', async () => {
    const ran = await daemon(['start', '--relay', 'ws://127.0.0.1:1'], 'slow-relay');
    expect(ran.stdout).toContain('online');
  });

  test('hands its options on, the token not on the command line', async () => {
    await daemon([
      ...['start', '--relay', 'ws://a', '--relay=ws://b', '--stun', 's:1', '--beacon', 's:2'],
      ...['--listen', ':0', '--config', 'c.yaml', '--trust-auto-approve', '--token', 'hush'],
      ...['--log-level', 'debug', '--log-format', 'json', '--registry', 'ignored:1'],
      ...['--transport', 'webrtc'],
    ]);
    expect(started()).toEqual({
      args: [
        ...['--relay=ws://a', '--relay=ws://b', '--stun=s:1', '--stun=s:2', '--listen=:0'],
        ...[
          '--transport=webrtc',
          '--config=c.yaml',
          '--log-level=debug',
          '--log-format=json',
          '--auto-approve',
        ],
      ],
      token: 'hush',
    });
  });

  test('a registry is the relay where no relay is named', async () => {
    await daemon(['start', '--registry', 'relay.example:7443']);
    expect(started().args).toEqual(['--relay=ws://relay.example:7443']);
  });

  test('--socket moves the API', async () => {
    const socket = path.join(home, 'other.sock');
    const { json } = await daemon(['start', '--socket', socket, '--json']);
    expect(json.data).toMatchObject({ socket });
    expect(existsSync(socket)).toBe(true);
  });

  test('tells what it ignores', async () => {
    const args = ['start', '--owner', 'me', '--public', '--identity', 'x'];
    const { stderr } = await daemon(args);
    expect(stderr.match(/^note: {2}--(identity|owner|public) is ignored: .*$/gm)).toHaveLength(3);
    await daemon(['stop']);
    const { json, stderr: nothing } = await daemon([...args, '--json']);
    expect(json.data?.['notices']).toHaveLength(3);
    expect(nothing).toBe('');
  });

  test.each([
    [['--no-encrypt'], 'invalid_argument'],
    [['--webhook', 'http://x'], 'not_supported'],
    [['--registry', 'nonsense'], 'invalid_argument'],
    [['--log-format', 'xml'], 'invalid_argument'],
  ])('%j is refused', async (args, code) => {
    const { failure } = await daemon(['start', ...args, '--json']);
    expect(failure).toMatchObject({ code });
    expect(existsSync(file('pilot.log'))).toBe(false);
  });

  test('a second one is already_exists, and disturbs nothing', async () => {
    await daemon(['start']);
    const { pid = 0 } = readPidFile(file('pilot.pid')) ?? {};
    const second = await daemon(['start', '--json']);
    expect(second.code).toBe(1);
    expect(second.failure).toMatchObject({
      ...{ code: 'already_exists', message: `a daemon runs already (process ${pid})` },
    });
    expect(readPidFile(file('pilot.pid'))?.pid).toBe(pid);
  });

  test('one that runs and does not answer is already_exists too', async () => {
    await daemon(['start', '--wait', '300ms'], 'silent');
    const { failure } = await daemon(['start', '--json']);
    expect(failure).toMatchObject({
      code: 'already_exists',
      message: expect.stringContaining('does not answer') as string,
    });
  });
});

describe('a daemon that does not start', () => {
  test.each([
    [
      'fail-json',
      'invalid_argument',
      'the daemon did not start: relay: expected ws://',
      'write ws://x',
    ],
    ['fail-text', 'internal', 'the daemon did not start: the disk is full', 'make room'],
    ['fail-mute', 'internal', 'the daemon did not start: code 1, without a word', /pilot\.log$/],
    ['taken', 'already_exists', 'a daemon runs already (process 1)', 'stop it'],
  ])('%s', async (mode, code, message, hint) => {
    writeLog('{"msg":"of an earlier run"}\n');
    const ran = await daemon(['start', '--json'], mode);
    expect(ran.code).toBe(1);
    expect(ran.failure).toMatchObject({ code, message });
    expect(ran.failure['hint']).toMatch(hint);
  });

  test('is a timeout when it stays silent', async () => {
    const { failure } = await daemon(['start', '--wait', '300ms', '--json'], 'silent');
    expect(failure).toMatchObject({
      code: 'timeout',
      message: 'the daemon has not answered within 300 ms',
    });
  });

  test('is ended when the start is interrupted', async () => {
    const stop = new AbortController();
    const cli = startCli(['daemon', 'start'], { env: environment('silent'), signal: stop.signal });
    await expect.poll(() => readPidFile(file('pilot.pid'))?.pid).toBeGreaterThan(0);
    const record = readPidFile(file('pilot.pid'));
    stop.abort(new Interrupted('SIGINT'));
    await expect(cli.finished).resolves.toMatchObject({ code: 130 });
    await expect.poll(() => record !== undefined && isAlive(record)).toBe(false);
  });

  test.each([
    ['/nowhere/pilotd', 'not_found', 'check PILOT_DAEMON_BIN'],
    ['', 'not_found', 'build it: npm run build'],
  ])('PILOT_DAEMON_BIN=%j', async (bin, code, hint) => {
    const env = { PILOT_HOME: home, PILOT_DAEMON_BIN: bin };
    const { failure } = await runCli(['daemon', 'start', '--json'], { env });
    expect(failure).toMatchObject({ code, hint });
  });

  test('a program that is not one', async () => {
    const bin = path.join(home, 'text');
    writeFileSync(bin, 'no program');
    const env = { PILOT_HOME: home, PILOT_DAEMON_BIN: bin };
    const { failure } = await runCli(['daemon', 'start', '--json'], { env });
    expect(failure).toMatchObject({ code: 'not_found', hint: 'check PILOT_DAEMON_BIN' });
  });

  test('a home that others may enter', async () => {
    writeLog('');
    chmodSync(path.join(home, '.pilot'), 0o755);
    const { failure } = await daemon(['start', '--json']);
    expect(failure).toMatchObject({ code: 'permission_denied', hint: `chmod 700 ${home}/.pilot` });
  });
});

describe('--foreground', () => {
  test('ends with the exit code of the daemon', async () => {
    await expect(daemon(['start', '--foreground'], 'fail-mute')).resolves.toMatchObject({
      code: 1,
    });
  });

  test('an interruption goes on to the daemon', async () => {
    const stop = new AbortController();
    const env = environment();
    const cli = startCli(['daemon', 'start', '--foreground'], { env, signal: stop.signal });
    await expect.poll(() => existsSync(file('pilotd.sock'))).toBe(true);
    stop.abort(new Interrupted('SIGTERM'));
    await expect(cli.finished).resolves.toMatchObject({ code: 0 });
    expect(existsSync(file('pilot.pid'))).toBe(false);
  });
});

describe('stop', () => {
  test('ends it', async () => {
    await daemon(['start']);
    const { pid = 0 } = readPidFile(file('pilot.pid')) ?? {};
    const { json } = await daemon(['stop', '--json']);
    expect(json.data).toEqual({ pid });
    expect(isAlive({ pid, startMarker: '' })).toBe(false);
  });

  test.each([
    ['no pid file', undefined],
    ['a stale one', '4194304\n\n'],
    ['a broken one', 'x'],
  ])('%s is not_running', async (_, content) => {
    if (content !== undefined) {
      writeLog('');
      writeFileSync(file('pilot.pid'), content);
    }
    const ran = await daemon(['stop', '--json']);
    expect(ran.code).toBe(1);
    expect(ran.failure).toMatchObject({ code: 'not_running' });
  });
});

describe('status', () => {
  test('running', async () => {
    await daemon(['start', '--hostname', 'alpha']);
    const { pid } = readPidFile(file('pilot.pid')) ?? {};
    const { json } = await daemon(['status', '--json']);
    expect(json.data).toEqual({
      ...{ running: true, pid, pid_file: file('pilot.pid'), socket: file('pilotd.sock') },
      ...{ responsive: true, node_id: 7, id: 'pilot1x', address: '0:0000.0000.0007' },
      ...{ hostname: 'alpha', uptime_secs: 1, peers: 0, connections: 0, relays: [] },
    });
    const { stdout } = await daemon(['status']);
    expect(stdout).toMatch(/^daemon +runs, process \d+, up 1 s\n/);
    await expect(daemon(['status', '--check'])).resolves.toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('silent', async () => {
    await daemon(['start', '--wait', '300ms'], 'silent');
    const { code, json } = await daemon(['status', '--json']);
    expect(code).toBe(0);
    expect(json.data).toMatchObject({ running: true, responsive: false });
  });

  test('not running', async () => {
    const { code, json } = await daemon(['status', '--json']);
    expect(code).toBe(0);
    expect(json.data).toEqual({
      ...{ running: false, pid: 0, pid_file: file('pilot.pid'), socket: file('pilotd.sock') },
      responsive: false,
    });
    await expect(daemon(['status', '--check'])).resolves.toMatchObject({
      code: 1,
      stdout: '',
      stderr: '',
    });
  });
});

function writeLog(text: string): void {
  mkdirSync(path.join(home, '.pilot'), { recursive: true, mode: 0o700 });
  writeFileSync(file('pilot.log'), text, { mode: 0o600 });
}
