import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { DiskJournalFile } from '../../../src/daemon/store/journal-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pilot-journal-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('what is written is in the file, which grows in steps, for its owner alone', async () => {
  const name = path.join(folder, 'journal-0');
  const file = new DiskJournalFile(name, 1024 * 1024);
  expect(file.read()).toHaveLength(0);
  await file.write(Uint8Array.of(1, 2, 3), 4096);
  expect(statSync(name)).toMatchObject({ size: 256 * 1024, mode: 0o100600 });
  await file.write(Uint8Array.of(9), 300 * 1024);
  expect(statSync(name).size).toBe(512 * 1024);
  await file.write(Uint8Array.of(7), 1024 * 1024 - 1);
  expect(statSync(name).size).toBe(1024 * 1024);
  file.close();

  const again = new DiskJournalFile(name, 1024 * 1024);
  const bytes = again.read();
  expect(Buffer.compare(bytes, readFileSync(name))).toBe(0);
  expect([bytes[4095], bytes[4096], bytes[4098], bytes[300 * 1024], bytes.at(-1)]).toEqual([
    ...[0, 1, 3, 9, 7],
  ]);
  again.close();
});

test('no more of a file is read than a journal has', async () => {
  const name = path.join(folder, 'journal-0');
  const larger = new DiskJournalFile(name, 8192);
  await larger.write(Uint8Array.of(1), 8000);
  larger.close();
  const file = new DiskJournalFile(name, 4096);
  expect(file.read()).toHaveLength(4096);
  file.close();
});
