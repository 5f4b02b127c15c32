import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { expect, test } from 'vitest';

import { stopProcess } from '../../src/cli/stop-process.ts';

const { signal } = new AbortController();

async function start(script: string): Promise<{ pid: number; startMarker: string }> {
  const child = spawn(process.execPath, ['-e', `${script}; console.log('up')`]);
  await once(child.stdout, 'data');
  return { pid: child.pid ?? 0, startMarker: '' };
}

test('one that listens ends', async () => {
  const record = await start('setInterval(() => {}, 1000)');
  await expect(stopProcess(record, { graceMs: 5000, killMs: 0 }, signal)).resolves.toBe('ended');
});

test('one that does not is killed', async () => {
  const record = await start("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)");
  await expect(stopProcess(record, { graceMs: 50, killMs: 5000 }, signal)).resolves.toBe('forced');
});

test('one that is gone is ended', async () => {
  const record = { pid: 4_194_304, startMarker: '' };
  await expect(stopProcess(record, { graceMs: 50, killMs: 50 }, signal)).resolves.toBe('ended');
});
