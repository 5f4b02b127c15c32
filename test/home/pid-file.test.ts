import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  claimPidFile,
  isAlive,
  livingPid,
  readPidFile,
  releasePidFile,
} from '../../src/home/pid-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder = '';
let file = '';
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = temporaryFolder();
  file = path.join(folder, 'pilot.pid');
});
afterEach(async () => {
  if (child !== undefined) await end(child);
  child = undefined;
});

/** A process that lives until its stdin ends. */
function living(): { pid: number } {
  child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  return { pid: child.pid ?? 0 };
}

async function end(running: ChildProcess): Promise<void> {
  if (running.exitCode !== null) return;
  const exited = once(running, 'exit');
  running.stdin?.end();
  await exited;
}

test('a claim names this process with its start', () => {
  claimPidFile(file);
  expect(readPidFile(file)?.pid).toBe(process.pid);
  expect(livingPid(file)).toBe(process.pid);
  expect(readdirSync(folder)).toEqual(['pilot.pid']);
});

test('claiming twice is claiming once; releasing twice is releasing once', () => {
  claimPidFile(file);
  claimPidFile(file);
  releasePidFile(file);
  releasePidFile(file);
  expect(readPidFile(file)).toBeUndefined();
});

test('a living file of another process is neither claimed nor released', () => {
  const { pid } = living();
  writeFileSync(file, `${pid}\n\n`);
  expect(() => {
    claimPidFile(file);
  }).toThrow(expect.objectContaining({ code: 'already_exists' }) as Error);
  releasePidFile(file);
  expect(readFileSync(file, 'utf8')).toBe(`${pid}\n\n`);
});

test('a process that has ended leaves a stale file, which a claim cleans', async () => {
  const { pid } = living();
  writeFileSync(file, `${pid}\n\n`);
  expect(livingPid(file)).toBe(pid);
  if (child !== undefined) await end(child);
  expect(livingPid(file)).toBeUndefined();
  claimPidFile(file);
  expect(livingPid(file)).toBe(process.pid);
  expect(readdirSync(folder)).toEqual(['pilot.pid']);
});

test.runIf(process.platform === 'linux')('a reused process id is not taken for the daemon', () => {
  const { pid } = living();
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  expect(isAlive({ pid, startMarker: '' })).toBe(true);
  expect(isAlive({ pid, startMarker: `${bootId}:1` })).toBe(false);
  expect(isAlive({ pid, startMarker: `another-boot:1` })).toBe(false);
  writeFileSync(file, `${pid}\n${bootId}:1\n`);
  claimPidFile(file);
  expect(livingPid(file)).toBe(process.pid);
});

test('our own number with the start of an earlier process is stale: process 1 of a container', () => {
  writeFileSync(file, `${process.pid}\nearlier\n`);
  expect(livingPid(file)).toBe(process.platform === 'linux' ? undefined : process.pid);
  claimPidFile(file);
  expect(readPidFile(file)?.startMarker).not.toBe('earlier');
});

describe('illegible files are stale', () => {
  test.each(['', '\n', 'abc\n', '-1\n', '0\n', '1e3\n', '99999999999\n', '12 34\n'])(
    '%j',
    (text) => {
      writeFileSync(file, text);
      expect(readPidFile(file)).toBeUndefined();
      claimPidFile(file);
      expect(livingPid(file)).toBe(process.pid);
    },
  );
});

test('a number that no process has is not alive', () => {
  expect(isAlive({ pid: 2 ** 31 - 1, startMarker: '' })).toBe(false);
});

test('a file that cannot be read is not stale: it stays', () => {
  mkdirSync(file);
  for (const use of [claimPidFile, releasePidFile, livingPid]) {
    expect(() => {
      use(file);
    }).toThrow(expect.objectContaining({ code: 'internal' }) as Error);
  }
  expect(statSync(file).isDirectory()).toBe(true);
});

test('a folder that is not there is a PilotError', () => {
  expect(() => {
    claimPidFile(path.join(folder, 'none', 'pilot.pid'));
  }).toThrow(expect.objectContaining({ code: 'internal' }) as Error);
});
