import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { sequenceOf } from '../../../src/daemon/store/storage.ts';
import { Store } from '../../../src/daemon/store/store.ts';
import { BundledProgram } from '../../support/bundled-program.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { batch, LAST_KEY } from './numbered-batch.ts';

vi.setConfig({ testTimeout: 60_000 });

const ROUNDS = 8;

let program: BundledProgram;

beforeEach(async () => {
  program = await BundledProgram.build('test/daemon/store/committing-program.ts');
});

afterEach(() => {
  program.remove();
});

/** Commits go on until so many are on disk; then the program is killed. The highest number that it told. */
async function commitAndKill(dir: string, commits: number): Promise<number> {
  const child = spawn(process.execPath, [program.file, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = 0;
  let left = commits;
  const closed = once(child, 'close');
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = Math.max(last, Number(line));
    left -= 1;
    if (left === 0) child.kill('SIGKILL');
  });
  const [, signal] = (await closed) as [unknown, unknown];
  expect(signal).toBe('SIGKILL');
  return last;
}

/** What is there after all batches up to `last`. */
function expected(last: number): Map<string, string> {
  const rows = new Map<string, string>();
  for (let number = 1; number <= last; number++) {
    for (const { table, key, value } of batch(number)) {
      if (table !== 'seen') continue;
      if (value === undefined) rows.delete(toHex(key));
      else rows.set(toHex(key), toHex(value));
    }
  }
  return rows;
}

test('what a killed process was told to be on disk is there, and nothing of half a batch', async () => {
  const dir = path.join(program.folder, 'data');
  const random = seededRandom(4711);
  for (let round = 0; round < ROUNDS; round++) {
    const [draw = 0] = random(1);
    const told = await commitAndKill(dir, 1 + 2 * draw);
    // The next round begins over a journal that is not in the tables yet, or over one that is.
    if (round % 2 === 0) continue;
    const store = Store.open(dir);
    const last = sequenceOf(store.get('inbox', LAST_KEY) ?? new Uint8Array(8));
    expect(last).toBeGreaterThanOrEqual(told);
    const found = new Map(
      [...store.entries('seen')].map(([key, value]) => [toHex(key), toHex(value)]),
    );
    const names = (rows: Map<string, string>) => [...rows.keys()].sort();
    const wanted = expected(last);
    expect(names(found)).toEqual(names(wanted));
    for (const [key, value] of wanted) expect(found.get(key) === value).toBe(true);
    await store.close();
  }
});
