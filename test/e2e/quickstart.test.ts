import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { Processes } from '../support/processes.ts';

const SCRIPT = path.resolve('scripts/quickstart.mjs');
/** It takes a few seconds; a machine on which much else is tested at the time gets more. */
const LIMIT_S = 60;

let folder: string;
let processes: Processes;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pilot-'));
  processes = new Processes();
});

afterEach(async () => {
  await processes.close();
  rmSync(folder, { recursive: true });
});

/** What it makes, it makes here. */
const environment = (): NodeJS.ProcessEnv => ({ ...process.env, TMPDIR: folder });

/** Processes that have the test's own folder in their environment: whatever the script started. */
function processesOfTest(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}

function expectNothingLeft(): void {
  expect(readdirSync(folder)).toEqual([]);
  if (process.platform === 'linux') expect(processesOfTest()).toEqual([]);
}

test(
  'shows every command and what came back, and leaves nothing',
  { timeout: LIMIT_S * 1000 + 5000 },
  async () => {
    const args = [SCRIPT, '--limit', String(LIMIT_S)];
    const options = { env: environment(), timeoutMs: LIMIT_S * 1000 };
    const { code, stdout, stderr } = await processes.run(process.execPath, args, options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of [
      "alice$ pilotctl handshake bob 'we work together' &",
      'bob$ pilotctl approve alice',
      'bob$ pilotctl serve -- tr a-z A-Z &',
      "alice$ pilotctl send-message bob --data 'hello, bob' --wait\n    HELLO, BOB\n",
      "alice$ pilotctl send-message bob --data 'read this later'\n",
    ]) {
      expect(stdout).toContain(command);
    }
    expect(stdout).toMatch(/^alice\$ pilotctl outbox\n.* stored$/m);
    expect(stdout.slice(stdout.lastIndexOf('bob$ pilotctl inbox'))).toContain('read this later');
    expectNothingLeft();
  },
);

test('Ctrl-C in the midst ends everything', { timeout: 45_000 }, async () => {
  const running = processes.start(process.execPath, [SCRIPT], { env: environment() });
  await running.line(/set-hostname/);
  const { code, stderr } = await running.stop('SIGINT', 20_000);
  expect(code).toBe(130);
  expect(stderr).toMatch(/quickstart failed while .*: interrupted by SIGINT/);
  expectNothingLeft();
});

test('SIGTERM while a daemon is being started leaves no daemon', { timeout: 45_000 }, async () => {
  const running = processes.start(process.execPath, [SCRIPT], { env: environment() });
  await running.line(/daemon start/);
  const { code } = await running.stop('SIGTERM', 20_000);
  expect(code).toBe(143);
  expectNothingLeft();
});

test('says at which step it failed', { timeout: 30_000 }, async () => {
  const bin = path.join(folder, 'empty');
  mkdirSync(bin);
  // Without Node in reach no program of ours starts.
  const env = { ...environment(), PATH: bin };
  const { code, stderr } = await processes.run(process.execPath, [SCRIPT], { env });
  rmSync(bin, { recursive: true });
  expect(code).toBe(1);
  expect(stderr).toContain('quickstart failed while starting the relay');
  expectNothingLeft();
});
