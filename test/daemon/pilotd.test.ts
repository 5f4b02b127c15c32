import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';

import { describe, expect, test, vi } from 'vitest';

import { readPidFile } from '../../src/home/pid-file.ts';
import type { RunningProcess } from '../support/processes.ts';
import { Sandbox, type SandboxNode } from '../support/sandbox.ts';
import { call } from './api/api-fixture.ts';

// The real program, as `npm run build` makes it; starting it takes seconds where the host is busy.
vi.setConfig({ testTimeout: 60_000 });

async function start(
  sandbox: Sandbox,
  node: SandboxNode,
  ...options: string[]
): Promise<RunningProcess> {
  const daemon = sandbox.processes.start('pilotd', options, { env: node.env });
  await daemon.line(/"msg":"ready"|ready id=/);
  return daemon;
}

const statusOf = async ({ paths }: SandboxNode): Promise<unknown> =>
  (await call(paths.socket, { path: '/v1/health' })).json;

describe('a signal', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it in order', async (signal) => {
    await Sandbox.run(async (sandbox) => {
      const node = sandbox.node('alice');
      const daemon = await start(sandbox, node);
      expect(await statusOf(node)).toMatchObject({ status: 'degraded' });
      const reading = new Promise<string>((resolve, reject) => {
        let text = '';
        const reader = request({ socketPath: node.paths.socket, path: '/v1/events' });
        reader.on('error', reject);
        reader.on('response', (response) => {
          daemon.child.kill(signal);
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => {
            resolve(text);
          });
        });
        reader.end();
      });
      expect(await reading).toContain(': disconnected: the daemon is stopping');
      const { code, stdout } = await daemon.finished;
      expect(code).toBe(0);
      expect(stdout.trimEnd().split('\n').at(-1)).toContain('"msg":"stopped"');
      expect(existsSync(node.paths.socket)).toBe(false);
      expect(existsSync(node.paths.pidFile)).toBe(false);
    });
  });

  test('SIGHUP means nothing to it in the background', async () => {
    await Sandbox.run(async (sandbox) => {
      const node = sandbox.node('alice');
      const daemon = await start(sandbox, node);
      daemon.child.kill('SIGHUP');
      expect(await statusOf(node)).toMatchObject({ status: 'degraded' });
      expect((await daemon.stop()).code).toBe(0);
    });
  });

  test('what SIGKILL leaves does not stop the next one', async () => {
    await Sandbox.run(async (sandbox) => {
      const node = sandbox.node('alice');
      const killed = await start(sandbox, node);
      await killed.stop('SIGKILL');
      expect(existsSync(node.paths.socket)).toBe(true);
      expect(existsSync(node.paths.pidFile)).toBe(true);
      const next = await start(sandbox, node);
      expect(readPidFile(node.paths.pidFile)?.pid).toBe(next.child.pid);
      expect(await statusOf(node)).toMatchObject({ status: 'degraded' });
    });
  });
});

describe('a start that cannot be', () => {
  test('a second daemon in one home leaves the first alone', async () => {
    await Sandbox.run(async (sandbox) => {
      const node = sandbox.node('alice');
      const first = await start(sandbox, node);
      const second = await sandbox.processes.run('pilotd', [], { env: node.env });
      expect(second.code).toBe(1);
      expect(second.stdout).toBe('');
      expect(JSON.parse(second.stderr)).toEqual({
        status: 'error',
        code: 'already_exists',
        message: `a daemon runs already (process ${String(first.child.pid)})`,
        hint: 'see it with: pilotctl daemon status; end it with: pilotctl daemon stop',
      });
      expect(await statusOf(node)).toMatchObject({ status: 'degraded' });
      expect(readPidFile(node.paths.pidFile)?.pid).toBe(first.child.pid);
    });
  });

  test('one line says why, in text when the log is text', async () => {
    await Sandbox.run(async (sandbox) => {
      const { env } = sandbox.node('alice');
      const args = ['--log-format', 'text', '--relay', 'gopher://relay'];
      const { code, stdout, stderr } = await sandbox.processes.run('pilotd', args, { env });
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(
        /^error: [^\n]*protocol\.connection\.relays[^\n]*\n(hint: [^\n]*\n)?$/,
      );
    });
  });

  test.each([
    [['--version'], 0],
    [['--help'], 0],
    [['--unknown'], 2],
  ])('%j ends with %i', async (args, code) => {
    await Sandbox.run(async (sandbox) => {
      const { env, paths } = sandbox.node('alice');
      expect((await sandbox.processes.run('pilotd', args, { env })).code).toBe(code);
      expect(existsSync(paths.root)).toBe(false);
    });
  });
});

describe('it runs on', () => {
  test('when whoever reads its log goes away', async () => {
    await Sandbox.run(async (sandbox) => {
      const node = sandbox.node('alice');
      const daemon = await start(sandbox, node, '--log-level', 'debug');
      daemon.child.stdout.destroy();
      daemon.child.stderr.destroy();
      for (let i = 0; i < 20; i++) {
        expect(await statusOf(node)).toMatchObject({ status: 'degraded' });
      }
      expect((await daemon.stop()).code).toBe(0);
    });
  });

  test('with a log that was large when it started', async () => {
    await Sandbox.run(async (sandbox) => {
      const node = sandbox.node('alice');
      const { logFile } = node.paths;
      node.paths.ensureRoot();
      writeFileSync(logFile, `${'x'.repeat(1023)}\n`.repeat(11 * 1024), { mode: 0o600 });
      await node.start();
      expect(statSync(`${logFile}.1`).size).toBe(11 * 1024 * 1024);
      expect(statSync(`${logFile}.1`).mode & 0o777).toBe(0o600);
      expect(readFileSync(logFile, 'utf8')).toMatch(
        /^\{[^\n]*"msg":"log rotated"\}\n\{[^\n]*"msg":"ready"/,
      );
      await node.stop();
    });
  });

  test('without standard input', async () => {
    await Sandbox.run(async (sandbox) => {
      const node = sandbox.node('alice');
      const options = { env: node.env };
      const daemon = sandbox.processes.start('sh', ['-c', 'exec pilotd <&-'], options);
      await daemon.line(/"msg":"ready"/);
      expect(await statusOf(node)).toMatchObject({ status: 'degraded' });
      expect((await daemon.stop()).code).toBe(0);
    });
  });
});
