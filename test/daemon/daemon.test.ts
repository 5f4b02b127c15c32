import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import type { DaemonOptions } from '../../src/daemon/daemon.ts';
import type { HomePaths } from '../../src/home/home-paths.ts';
import { readKeyFile } from '../../src/home/key-file.ts';
import { call } from './api/api-fixture.ts';
import { type Home, newHome } from './daemon-fixture.ts';
import { FakeNode, NAMES } from './fake-node.ts';
import { lonelyTopics } from './topics/lonely-topics.ts';
import { noTunnels } from './tunnels/fake-tunnels.ts';

const modeOf = (file: string): number => statSync(file).mode & 0o777;

describe('a start', () => {
  test('makes a home for its user alone, and answers when it is done', async () => {
    const { paths, daemon, opened, lines } = newHome();
    await daemon().start();
    expect(modeOf(paths.root)).toBe(0o700);
    expect(modeOf(paths.keyFile)).toBe(0o600);
    expect(modeOf(paths.socket)).toBe(0o600);
    expect(readFileSync(paths.pidFile, 'utf8')).toMatch(new RegExp(`^${process.pid}\n`));
    expect(opened[0]?.identity.nodeId).toBe(readKeyFile(paths.keyFile).nodeId);
    expect(opened[0]?.dataFolder).toBe(paths.data);
    const { json } = await call(paths.socket, { path: '/v1/info' });
    expect(json).toMatchObject({
      id: NAMES.id,
      pid: process.pid,
      socket: paths.socket,
      log_file: paths.logFile,
      public_key: Buffer.from(opened[0]?.identity.currentKey ?? []).toString('base64'),
    });
    expect(lines().at(-1)).toMatchObject({
      ...{ level: 'info', msg: 'ready', id: NAMES.id, address: NAMES.address },
      ...{ socket: paths.socket, pid: process.pid },
    });
  });

  test('finds its identity again', async () => {
    const { daemon, opened } = newHome();
    const first = daemon();
    await first.start();
    await first.stop();
    await daemon().start();
    expect(opened[1]?.identity.nodeId).toBe(opened[0]?.identity.nodeId);
  });

  test('shows its settings with their origins, and no secret', async () => {
    const { env, paths, daemon } = newHome();
    const first = daemon({
      env: { ...env, PILOT_TOKEN: 'hush' },
      flags: { 'node.hostname': 'alpha', 'messaging.expiry': '2d' },
    });
    await first.start();
    const { text, json } = await call(paths.socket, { path: '/v1/config' });
    expect(text).not.toContain('hush');
    expect(json).toMatchObject({
      config_path: paths.configFile,
      entries: expect.arrayContaining([
        { key: 'node.hostname', value: 'alpha', origin: 'flag' },
        { key: 'protocol.connection.relay_token', value: '[secret]', origin: 'environment' },
        { key: 'messaging.expiry', value: '2d', origin: 'flag' },
        { key: 'trust.auto_approve', value: false, origin: 'default' },
      ]) as unknown,
    });
  });

  test('obeys the settings for metrics, payloads and the log', async () => {
    const { paths, daemon, log } = newHome();
    writeHomeConfig(
      paths,
      'messaging: { max_payload_kb: 1 }\nobservability: { metrics: [drops] }\n',
    );
    await daemon({ flags: { 'observability.logging.format': 'text' } }).start();
    const metrics = await call(paths.socket, { path: '/metrics' });
    expect(metrics.text).toContain('pilot_drops_total');
    expect(metrics.text).not.toContain('pilot_outbox_messages');
    const body = { target: 'b', type: 'text', data: 'x'.repeat(30_000) };
    const reply = await call(paths.socket, { method: 'POST', path: '/v1/messages', body });
    expect(reply.status).toBe(400);
    expect(log.at(-1)).toMatch(/^2026-01-01T\S+ info {2}ready id=pilot1fake /);
  });
});

describe('an end', () => {
  test('takes the parts down in reverse, and may be asked for again', async () => {
    const { paths, daemon, history, opened, lines } = newHome();
    const running = daemon();
    await running.start();
    await Promise.all([running.stop(), running.stop()]);
    await running.stop();
    expect(history).toEqual(['opened', 'stopped']);
    expect(existsSync(paths.socket)).toBe(false);
    expect(existsSync(paths.pidFile)).toBe(false);
    expect(() => opened[0]?.identity.secret.exposeSeed()).toThrow('erased');
    expect(lines().map((line) => line.msg)).toEqual(['ready', 'stopped']);
  });

  test('waits for a start that is under way', async () => {
    const { paths, daemon, history } = newHome();
    const running = daemon();
    const starting = running.start();
    await running.stop();
    await starting;
    expect(history).toEqual(['opened', 'stopped']);
    expect(existsSync(paths.socket)).toBe(false);
    expect(existsSync(paths.pidFile)).toBe(false);
  });

  test('goes on past a part that fails, and says so', async () => {
    const { paths, daemon, lines } = newHome();
    const running = daemon({
      openNode: async () =>
        Promise.resolve({
          ...{ api: new FakeNode(), netcheck: new FakeNode().netcheck, tunnels: noTunnels },
          ...{ received: new FakeNode().received, topics: lonelyTopics() },
          onWake: () => undefined,
          onKeyRotated: () => undefined,
          stop: async () => Promise.reject(new Error('disk gone')),
        }),
    });
    await running.start();
    await running.stop();
    expect(existsSync(paths.pidFile)).toBe(false);
    expect(lines().map((line) => line.msg)).toEqual([
      'ready',
      'a part did not stop as it should',
      'stopped',
    ]);
  });
});

function writeHomeConfig(paths: HomePaths, text: string): void {
  paths.ensureRoot();
  writeFileSync(paths.configFile, text, { mode: 0o600 });
}

describe('a start that fails leaves nothing behind and says what to do', () => {
  const cases: [string, (home: Home) => Partial<DaemonOptions> | undefined, object][] = [
    [
      'a home that is open to others',
      ({ paths }) => {
        paths.ensureRoot();
        chmodSync(paths.root, 0o755);
        return undefined;
      },
      { code: 'permission_denied', hint: expect.stringMatching(/^chmod 700 /) as string },
    ],
    [
      'a key file that others can read',
      ({ paths }) => {
        paths.ensureRoot();
        writeFileSync(paths.keyFile, '{}', { mode: 0o644 });
        return undefined;
      },
      { code: 'permission_denied', hint: expect.stringMatching(/^chmod 600 /) as string },
    ],
    [
      'a configuration with a misspelt key',
      ({ paths }) => {
        writeHomeConfig(paths, 'node:\n  hostnam: alpha\n');
        return undefined;
      },
      {
        code: 'invalid_argument',
        message: expect.stringMatching(/config\.yaml:2:3/) as string,
      },
    ],
    [
      'a configuration file that is not there',
      () => ({ configFile: '/nonexistent/pilot.yaml' }),
      { code: 'not_found', hint: 'check --config' },
    ],
    [
      'a flag that means nothing',
      () => ({ flags: { 'observability.logging.level': 'loud' } }),
      { code: 'invalid_argument', message: expect.stringContaining('logging.level') as string },
    ],
    [
      'a socket path that is too long',
      ({ env }) => ({ env: { ...env, PILOT_SOCKET: `/tmp/${'x'.repeat(110)}` } }),
      {
        code: 'invalid_argument',
        message: expect.stringContaining('the socket path has') as string,
      },
    ],
    [
      'another daemon of this home',
      ({ paths }) => {
        paths.ensureRoot();
        writeFileSync(paths.pidFile, `${process.ppid}\n\n`);
        return undefined;
      },
      { code: 'already_exists', message: `a daemon runs already (process ${process.ppid})` },
    ],
    [
      'a store of a later version',
      () => ({
        openNode: async () =>
          Promise.reject(new PilotError('not_supported', 'newer', { hint: 'update' })),
      }),
      { code: 'not_supported', message: 'newer', hint: 'update' },
    ],
    [
      'a file in the place of the socket',
      ({ env, paths }) => {
        const place = path.join(path.dirname(paths.root), 'occupied');
        writeFileSync(place, '');
        return { env: { ...env, PILOT_SOCKET: place } };
      },
      { code: 'conflict', hint: expect.stringContaining('--socket') as string },
    ],
  ];

  test.each(cases)('%s', async (_what, prepare, expected) => {
    const home = newHome();
    const daemon = home.daemon(prepare(home));
    await expect(daemon.start()).rejects.toMatchObject(expected);
    await daemon.stop();
    expect(existsSync(home.paths.socket)).toBe(false);
    const pid = existsSync(home.paths.pidFile) && readFileSync(home.paths.pidFile, 'utf8');
    expect(pid === false || pid.startsWith(`${process.ppid}\n`)).toBe(true);
    expect(home.history.filter((event) => event === 'opened').length).toBe(
      home.history.filter((event) => event === 'stopped').length,
    );
    expect(home.clock.pendingTimers).toBe(0);
  });
});

test('what a killed daemon left is cleaned away', async () => {
  const { paths, daemon } = newHome();
  paths.ensureRoot();
  // No system has processes of that number: Linux ends at 2^22.
  writeFileSync(paths.pidFile, '999999999\n\n');
  await daemon().start();
  expect(readFileSync(paths.pidFile, 'utf8')).toMatch(new RegExp(`^${process.pid}\n`));
  expect((await call(paths.socket, { path: '/v1/health' })).status).toBe(200);
});

test('the node hears when the host wakes up, and the log is kept small every minute', async () => {
  const { clock, daemon, history, lines } = newHome();
  let skewMs = 0;
  let rotations = 0;
  await daemon({
    clock: {
      now: () => clock.now() + skewMs,
      monotonic: () => clock.monotonic(),
      after: (ms, run) => clock.after(ms, run),
    },
    rotateLog: () => ++rotations === 3,
  }).start();
  clock.advance(60_000);
  expect(history).toEqual(['opened']);
  skewMs = 8 * 3_600_000;
  clock.advance(5000);
  expect(history).toEqual(['opened', 'woken']);
  clock.advance(60_000);
  expect(history).toEqual(['opened', 'woken']);
  expect(rotations).toBe(3);
  expect(lines().slice(1)).toMatchObject([
    { msg: 'the host slept, or its clock was set', gap_ms: 28_800_000 },
    { msg: 'log rotated' },
  ]);
});

test('a second daemon does not touch what a living one has, though its pid file is gone', async () => {
  const { paths, daemon, history } = newHome();
  await daemon().start();
  rmSync(paths.pidFile);
  await expect(daemon().start()).rejects.toMatchObject({ code: 'already_exists' });
  expect(history).toEqual(['opened']);
  expect(existsSync(paths.pidFile)).toBe(false);
  expect((await call(paths.socket, { path: '/v1/health' })).status).toBe(200);
});
