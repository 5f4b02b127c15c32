import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { systemClock } from '../../src/base/system-clock.ts';
import { LogOutput } from '../../src/relay/log-output.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const PATIENCE_MS = 10_000;

function opened(file: string, flags: number | string): number {
  const descriptor = openSync(file, flags);
  onTestFinished(() => {
    closeSync(descriptor);
  });
  return descriptor;
}

test('lines are written in order, also those that come meanwhile', async () => {
  const file = path.join(temporaryDirectory(), 'log');
  const output = new LogOutput(opened(file, 'w'), systemClock);
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`);
  for (const line of lines.slice(0, 500)) output.write(line);
  const written = output.flush(PATIENCE_MS);
  for (const line of lines.slice(500)) output.write(line);
  await written;
  expect(readFileSync(file, 'utf8')).toBe(lines.join(''));
});

test('what a full disk does not take is dropped, and nobody waits for it', async () => {
  const output = new LogOutput(opened('/dev/full', 'w'), systemClock);
  for (let i = 0; i < 3; i++) {
    output.write('x'.repeat(600_000));
    // The last one leaves its place.
    await output.flush(PATIENCE_MS);
  }
});

test('a slow reader gets what fits, later; more is not held', async () => {
  const pipe = path.join(temporaryDirectory(), 'pipe');
  execFileSync('/usr/bin/mkfifo', [pipe]);
  const reader = opened(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const output = new LogOutput(
    opened(pipe, constants.O_WRONLY | constants.O_NONBLOCK),
    systemClock,
  );
  const line = `${'x'.repeat(99_999)}\n`;
  for (let i = 0; i < 100; i++) output.write(line);
  const written = output.flush(PATIENCE_MS);
  const ended = { is: false };
  void written.then(() => (ended.is = true));
  let got = 0;
  while (!ended.is) {
    await new Promise((resolve) => setImmediate(resolve));
    got += readWaiting(reader);
  }
  got += readWaiting(reader);
  expect(got).toBe(10 * line.length);
});

function readWaiting(descriptor: number): number {
  try {
    return readSync(descriptor, Buffer.alloc(200_000));
  } catch {
    return 0;
  }
}
