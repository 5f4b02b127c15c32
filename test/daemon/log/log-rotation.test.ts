import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { rotateLog } from '../../../src/daemon/log/log-rotation.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SMALL = { maxBytes: 8, keep: 3 };

function openLog(flags = 'a'): { descriptor: number; file: string; files: () => object } {
  const folder = temporaryFolder();
  const file = path.join(folder, 'pilot.log');
  const descriptor = openSync(file, flags);
  onTestFinished(() => {
    closeSync(descriptor);
  });
  const files = (): object =>
    Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
    );
  return { descriptor, file, files };
}

test('a log that is large moves on; three older ones stay', () => {
  const { descriptor, file, files } = openLog();
  for (let round = 1; round <= 5; round++) {
    writeSync(descriptor, `round ${round} is long`);
    expect(rotateLog(descriptor, file, SMALL)).toBe(true);
  }
  writeSync(descriptor, 'now');
  expect(rotateLog(descriptor, file, SMALL)).toBe(false);
  expect(files()).toEqual({
    'pilot.log': 'now',
    'pilot.log.1': 'round 5 is long',
    'pilot.log.2': 'round 4 is long',
    'pilot.log.3': 'round 3 is long',
  });
});

test('a descriptor that is another file is left alone', () => {
  const { descriptor, file, files } = openLog();
  writeSync(descriptor, 'long enough');
  expect(rotateLog(descriptor, `${file}.other`, SMALL)).toBe(false);
  writeFileSync(`${file}.other`, 'long enough');
  expect(rotateLog(descriptor, `${file}.other`, SMALL)).toBe(false);
  expect(files()).toEqual({ 'pilot.log': 'long enough', 'pilot.log.other': 'long enough' });
});

test.skipIf(process.platform !== 'linux')(
  'one that does not append is left alone: it would go on behind a hole',
  () => {
    const { descriptor, file, files } = openLog('w');
    writeSync(descriptor, 'long enough');
    expect(rotateLog(descriptor, file, SMALL)).toBe(false);
    expect(files()).toEqual({ 'pilot.log': 'long enough' });
  },
);
