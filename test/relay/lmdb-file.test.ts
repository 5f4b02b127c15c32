import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { open } from 'lmdb';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { checkLmdbFile } from '../../src/relay/lmdb-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let directory = '';
const file = (): string => path.join(directory, 'data.mdb');

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'pilot-lmdb-'));
  const root = open({ path: directory, overlappingSync: false });
  // More than may be missing at the end.
  for (let i = 0; i < 50; i++) await root.put(i, 'x'.repeat(60_000));
  await root.close();
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function overwrite(at: number, bytes: Uint8Array): Promise<void> {
  const handle = await openFile(file(), 'r+');
  await handle.write(bytes, 0, bytes.length, at);
  await handle.close();
}

test('a sound database, an empty file and none pass', () => {
  expect(() => {
    checkLmdbFile(directory);
  }).not.toThrow();
  writeFileSync(file(), '');
  expect(() => {
    checkLmdbFile(directory);
  }).not.toThrow();
  rmSync(file());
  expect(() => {
    checkLmdbFile(directory);
  }).not.toThrow();
});

test('a file that lacks pages which a transaction gave back is whole, and mended', async () => {
  const root = open<Uint8Array, number>({ path: directory, overlappingSync: false });
  let missing = 0;
  for (let i = 0; i < 500 && missing === 0; i++) {
    root.transactionSync(() => {
      for (let n = 0; n < 5; n++) root.putSync(1000 + n, new Uint8Array(60_000));
      root.putSync(2000 + i, new Uint8Array(100));
      for (let n = 0; n < 5; n++) root.removeSync(1000 + n);
    });
    // As a crash would leave it.
    const copy = temporaryFolder();
    const copied = path.join(copy, 'data.mdb');
    copyFileSync(file(), copied);
    const { size } = statSync(copied);
    checkLmdbFile(copy);
    missing = statSync(copied).size - size;
    const reopened = open<Uint8Array, number>({ path: copy, overlappingSync: false });
    expect(reopened.get(2000 + i)).toHaveLength(100);
    await reopened.close();
  }
  expect(missing).toBeGreaterThan(0);
  await root.close();
});

const DAMAGES: Record<string, () => Promise<void> | void> = {
  'another file': () => {
    writeFileSync(file(), 'this is not a database');
  },
  'the first page overwritten': async () => overwrite(0, new Uint8Array(4096)),
  'the second page overwritten': async () => overwrite(4096, new Uint8Array(4096).fill(7)),
  'cut short': () => {
    truncateSync(file(), Math.floor(statSync(file()).size / 2));
  },
  'cut within the first page': () => {
    truncateSync(file(), 100);
  },
};

test.each(Object.entries(DAMAGES))('%s is told from a sound one', async (_, damage) => {
  await damage();
  expect(() => {
    checkLmdbFile(directory);
  }).toThrow(PilotError);
  expect(() => {
    checkLmdbFile(directory);
  }).toThrow(`${file()} is damaged`);
});
