import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { readKeyFile } from '../../src/home/key-file.ts';
import { call } from './api/api-fixture.ts';
import { newHome } from './daemon-fixture.ts';

/** Of Linux, without the zero at its end. */
const MAX_PATH = 4095;

/** A folder below `folder` whose whole name has that many characters. */
function pathOfLength(folder: string, length: number): string {
  const left = length - folder.length;
  return left <= 200
    ? path.join(folder, 'x'.repeat(left - 1))
    : pathOfLength(path.join(folder, 'x'.repeat(99)), length);
}

const modeOf = (file: string): number => statSync(file).mode & 0o777;

describe('a key that has grown old', () => {
  const flags = { 'protocol.identity.key_rotation_days': '30' };
  const DAY_MS = 86_400_000;

  test('is replaced at the next start, on disk and in memory', async () => {
    const { paths, clock, daemon, opened, lines } = newHome();
    const first = daemon({ flags });
    await first.start();
    await first.stop();
    const before = readKeyFile(paths.keyFile);
    clock.advance(31 * DAY_MS);
    await daemon({ flags }).start();
    const identity = opened[1]?.identity;
    expect(identity?.nodeId).toBe(before.nodeId);
    expect(identity?.currentKey).not.toEqual(before.currentKey);
    expect(identity?.chain.extends(before.chain)).toBe(true);
    const onDisk = readKeyFile(paths.keyFile);
    expect(onDisk.currentKey).toEqual(identity?.currentKey);
    expect(modeOf(paths.keyFile)).toBe(0o600);
    expect(lines()).toContainEqual(
      expect.objectContaining({ msg: 'key rotated', age_days: 31, rotations: 1 }),
    );
    expect((await call(paths.socket, { path: '/v1/identity' })).json).toMatchObject({
      rotations: 1,
      created: '2026-01-01T00:00:00.000Z',
    });
  });

  test('is replaced while the daemon runs', async () => {
    const { paths, clock, daemon, opened, history, lines } = newHome();
    await daemon({ flags }).start();
    const { secret } = opened[0]?.identity ?? {};
    const before = readKeyFile(paths.keyFile);
    clock.advance(30 * DAY_MS);
    expect(history).toEqual(['opened']);
    clock.advance(3_600_000);
    expect(history).toEqual(['opened', 'key rotated']);
    const onDisk = readKeyFile(paths.keyFile);
    expect(onDisk.chain.length).toBe(1);
    expect(onDisk.chain.extends(before.chain)).toBe(true);
    expect(opened[0]?.identity.currentKey).toEqual(onDisk.currentKey);
    expect(() => secret?.exposeSeed()).toThrow('erased');
    expect((await call(paths.socket, { path: '/v1/identity' })).json).toMatchObject({
      rotations: 1,
      public_key: Buffer.from(onDisk.currentKey).toString('base64'),
    });
    clock.advance(29 * DAY_MS);
    expect(history).toEqual(['opened', 'key rotated']);
    expect(lines().map((line) => line.msg)).toEqual(['ready', 'key rotated']);
  });

  test('stays while its successor cannot be written', async () => {
    const { paths, clock, daemon, history, lines } = newHome();
    await daemon({ flags }).start();
    const before = readFileSync(paths.keyFile);
    // Nobody can replace a folder by a file, root included.
    rmSync(paths.keyFile);
    mkdirSync(path.join(paths.keyFile, 'full'), { recursive: true });
    clock.advance(31 * DAY_MS);
    expect(history).toEqual(['opened']);
    expect(lines().at(-1)).toMatchObject({
      ...{ level: 'warn', msg: 'the key is old, but a new one cannot be written' },
    });
    rmSync(paths.keyFile, { recursive: true });
    writeFileSync(paths.keyFile, before, { mode: 0o600 });
    clock.advance(3_600_000);
    expect(history).toEqual(['opened', 'key rotated']);
    expect(readKeyFile(paths.keyFile).chain.length).toBe(1);
  });

  test.runIf(process.platform === 'linux')(
    'does not keep the daemon from starting when its successor cannot be written',
    async () => {
      const { env, clock, daemon, opened, lines } = newHome();
      const socket = path.join(env['PILOT_HOME'] ?? '', 'socket');
      // So long that the pid file has a name beside itself to be made under, and the key file has none.
      const home = pathOfLength(env['PILOT_HOME'] ?? '', MAX_PATH - '/.pilot'.length - 28);
      const alias = path.join(env['PILOT_HOME'] ?? '', 'alias');
      mkdirSync(home, { recursive: true });
      symlinkSync(home, alias);
      const first = daemon({ flags, env: { PILOT_HOME: alias, PILOT_SOCKET: socket } });
      await first.start();
      const before = opened[0]?.identity.currentKey;
      await first.stop();
      clock.advance(31 * DAY_MS);
      await daemon({ flags, env: { PILOT_HOME: home, PILOT_SOCKET: socket } }).start();
      expect(opened[1]?.identity.currentKey).toEqual(before);
      expect(lines().slice(-2)).toMatchObject([
        { level: 'warn', msg: 'the key is old, but a new one cannot be written' },
        { msg: 'ready' },
      ]);
    },
  );

  test.each([
    ['is kept until then', flags, 29],
    ['is kept for ever by default', {}, 5000],
  ])('%s', async (_what, settings, days) => {
    const { paths, clock, daemon } = newHome();
    const first = daemon({ flags: settings });
    await first.start();
    await first.stop();
    const before = readFileSync(paths.keyFile, 'utf8');
    clock.advance(days * DAY_MS);
    await daemon({ flags: settings }).start();
    expect(readFileSync(paths.keyFile, 'utf8')).toBe(before);
  });
});
