import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

import { beforeEach, describe, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { HomePaths } from '../../src/home/home-paths.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('everything lies under PILOT_HOME/.pilot', () => {
  const paths = HomePaths.of({ PILOT_HOME: '/srv/a' });
  expect({
    root: paths.root,
    keyFile: paths.keyFile,
    configFile: paths.configFile,
    socket: paths.socket,
    pidFile: paths.pidFile,
    logFile: paths.logFile,
    data: paths.data,
  }).toEqual({
    root: '/srv/a/.pilot',
    keyFile: '/srv/a/.pilot/identity.json',
    configFile: '/srv/a/.pilot/config.yaml',
    socket: '/srv/a/.pilot/pilotd.sock',
    pidFile: '/srv/a/.pilot/pilot.pid',
    logFile: '/srv/a/.pilot/pilot.log',
    data: '/srv/a/.pilot/data',
  });
});

test.each([
  ['not set', {}],
  ['empty', { PILOT_HOME: '', PILOT_SOCKET: '' }],
])('PILOT_HOME %s: the home folder', (_, env) => {
  const paths = HomePaths.of(env);
  expect(paths.root).toBe(path.join(homedir(), '.pilot'));
  expect(paths.socket).toBe(path.join(homedir(), '.pilot', 'pilotd.sock'));
});

test('relative places are made absolute', () => {
  const paths = HomePaths.of({ PILOT_HOME: 'x', PILOT_SOCKET: 'y.sock' });
  expect(paths.root).toBe(path.resolve('x/.pilot'));
  expect(paths.socket).toBe(path.resolve('y.sock'));
});

describe('the length of the socket path', () => {
  const ofBytes = (bytes: number): string => `/é${'a'.repeat(bytes - 3)}`;
  test('103 bytes are possible', () => {
    expect(HomePaths.of({ PILOT_SOCKET: ofBytes(103) }).socket).toBe(ofBytes(103));
  });
  test('104 bytes are an error that says what to do, and only for the socket', () => {
    const paths = HomePaths.of({ PILOT_HOME: '/srv/a', PILOT_SOCKET: ofBytes(104) });
    expect(paths.keyFile).toBe('/srv/a/.pilot/identity.json');
    expect(() => paths.socket).toThrow('104 bytes');
    expect(() => paths.socket).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        hint: expect.stringContaining('PILOT_SOCKET') as unknown,
      }) as Error,
    );
  });
});

describe('ensureRoot', () => {
  let folder = '';
  beforeEach(() => {
    folder = temporaryFolder();
  });

  test('makes the folders for their owner alone; twice is once', () => {
    const paths = HomePaths.of({ PILOT_HOME: path.join(folder, 'new') });
    paths.ensureRoot();
    paths.ensureRoot();
    expect(statSync(paths.root).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(folder, 'new')).mode & 0o777).toBe(0o700);
  });

  test.each([0o750, 0o701, 0o777])('refuses one of mode %o, with the remedy', (mode) => {
    const paths = HomePaths.of({ PILOT_HOME: folder });
    mkdirSync(paths.root);
    chmodSync(paths.root, mode);
    expect(() => {
      paths.ensureRoot();
    }).toThrow(
      expect.objectContaining({
        code: 'permission_denied',
        hint: `chmod 700 ${paths.root}`,
      }) as Error,
    );
  });

  test('a file in its place is a PilotError', () => {
    const paths = HomePaths.of({ PILOT_HOME: folder });
    writeFileSync(paths.root, '');
    expect(() => {
      paths.ensureRoot();
    }).toThrow(PilotError);
  });
});
