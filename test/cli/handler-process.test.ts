import { PassThrough } from 'node:stream';

import { expect, onTestFinished, test, vi } from 'vitest';

import { type HandlerSettings, runHandler } from '../../src/cli/handler-process.ts';
import { incoming } from '../client/fake-nodes.ts';
import { processWarnings } from '../support/process-warnings.ts';

vi.setConfig({ testTimeout: 20_000 });

const { signal } = new AbortController();

function shell(script: string, timeoutMs: number): HandlerSettings {
  const stderr = new PassThrough().resume();
  return { command: 'sh', args: ['-c', script], env: process.env, timeoutMs, stderr };
}

test('who left the group and holds the output open is not waited for past the time limit', async () => {
  const message = incoming('1', { data: 'x' });
  const script = 'setsid sleep 30 & echo $! >&2; exit 0';
  const settings = shell(script, 300);
  let said = '';
  settings.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  onTestFinished(() => {
    process.kill(Number(said), 'SIGKILL');
  });
  await expect(runHandler(message, settings, signal)).rejects.toThrow('took longer than 0.3 s');
});

test('one that does not stop when it has said too much is killed, once', async () => {
  const warnings = processWarnings();
  const settings = shell('trap "" TERM; yes', 15_000);
  const run = runHandler(incoming('1', { data: 'x' }), settings, signal);
  await expect(run).rejects.toThrow('wrote more than 1 MiB');
  expect(warnings).toEqual([]);
});
