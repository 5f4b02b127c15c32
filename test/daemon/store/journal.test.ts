import { describe, expect, test } from 'vitest';

import { fromHex } from '../../../src/base/bytes.ts';
import { PilotError } from '../../../src/base/pilot-error.ts';
import { Journal } from '../../../src/daemon/store/journal.ts';
import { BLOCK_BYTES, makeRecord } from '../../../src/daemon/store/journal-record.ts';
import { sequenceKey, sequenceOf } from '../../../src/daemon/store/storage.ts';
import { Faults, SimulatedFile } from './simulated-disk.ts';

const SALT = fromHex('a1b2c3d4e5f60718');
const MAX_BYTES = 4 * BLOCK_BYTES;

type Files = readonly [SimulatedFile, SimulatedFile];

function newFiles(faults: Faults): Files {
  const disk = { faults, draw: () => 0 };
  return [new SimulatedFile('journal-0', disk), new SimulatedFile('journal-1', disk)];
}

function open(files: Files, applied = 0) {
  return Journal.open({ files, salt: SALT, applied, maxBytes: MAX_BYTES });
}

function record(number: number, bytes = 10) {
  return makeRecord([{ table: 'seen', key: sequenceKey(number), value: new Uint8Array(bytes) }]);
}

/** Of each generation, the keys. */
function keysIn({ generations }: ReturnType<typeof open>): number[][] {
  return generations.map(({ overlay }) => [...overlay.writes()].map(({ key }) => sequenceOf(key)));
}

/** Two files: records 1 and 2 in the first one, 3 and 4 in the second. */
async function filled(): Promise<Files> {
  const files = newFiles(new Faults());
  const { journal } = open(files);
  await journal.write(record(1));
  await journal.write(record(2));
  await journal.turn();
  await journal.write(record(3));
  await journal.write(record(4));
  return files;
}

test('what is not applied comes back by files, oldest first, and the journal goes on behind it', async () => {
  const files = await filled();
  expect(keysIn(open(files))).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(keysIn(open(files, 2))).toEqual([[3, 4]]);
  expect(keysIn(open(files, 4))).toEqual([]);
  const { journal, generations } = open(files, 1);
  expect(generations.map(({ sequence }) => sequence)).toEqual([2, 4]);
  expect(journal.sequence).toBe(4);
  await journal.write(record(5));
  await journal.write(record(6));
  expect(journal.fits(record(7))).toBe(false);
  expect(keysIn(open(files, 1))).toEqual([[2], [3, 4, 5, 6]]);
});

test('a file that is written again counts as far as it is new', async () => {
  const files = await filled();
  const { journal } = open(files, 2);
  await journal.turn();
  await journal.write(record(5));
  expect(keysIn(open(files, 2))).toEqual([[3, 4], [5]]);
});

describe('a record that does not hold', () => {
  test('at the end was torn: it was promised to nobody', async () => {
    const [first, second] = await filled();
    second.rot(BLOCK_BYTES + 20);
    expect(keysIn(open([first, second]))).toEqual([[1, 2], [3]]);
  });

  test.each([
    ['in the file before', 0, BLOCK_BYTES + 20],
    ['at the very beginning', 0, 5],
    ['in the length of a record', 0, 1],
    ['in front of the last one', 1, 20],
  ] as const)('%s is damage, and said to be', async (_, file, at) => {
    const files = await filled();
    files[file].rot(at);
    expect(() => open(files)).toThrow(PilotError);
    expect(() => open(files)).toThrow('journal (journal-0 and journal-1) is damaged');
  });

  test('counts for nothing once it is applied', async () => {
    const files = await filled();
    files[0].rot(20);
    expect(keysIn(open(files, 2))).toEqual([[3, 4]]);
  });
});

test('tables that are older than the journal are not brought up to date with holes', async () => {
  const files = await filled();
  const { journal } = open(files, 4);
  await journal.turn();
  await journal.write(record(5));
  await journal.write(record(6));
  files[1].rot(20);
  expect(() => open(files, 1)).toThrow('records are missing');
});

describe('a write that failed, all of it being on the disk', () => {
  type Outcome = 'done' | 'done, then an error' | 'refused';

  /** A journal with record 1; the writes to its first file go as told. */
  async function withOutcomes(...outcomes: readonly Outcome[]) {
    const files = newFiles(new Faults());
    const { journal } = open(files);
    await journal.write(record(1));
    const next = outcomes[Symbol.iterator]();
    const write = files[0].write.bind(files[0]);
    files[0].write = async (bytes, at) => {
      const outcome = next.next().value ?? 'done';
      if (outcome !== 'refused') await write(bytes, at);
      if (outcome !== 'done') throw new Error('EIO');
    };
    return { files, journal };
  }

  test('does not come back', async () => {
    const { files, journal } = await withOutcomes('done, then an error');
    await expect(journal.write(record(2))).rejects.toThrow('EIO');
    expect(keysIn(open(files))).toEqual([[1]]);
    await journal.write(record(22));
    expect(keysIn(open(files))).toEqual([[1, 22]]);
  });

  test('is made invalid before another is written, in this file or the other', async () => {
    const { files, journal } = await withOutcomes(
      'done, then an error',
      'refused',
      'refused',
      'refused',
    );
    await expect(journal.write(record(2))).rejects.toThrow('EIO');
    expect(keysIn(open(files))).toEqual([[1, 2]]);
    await expect(journal.write(record(22))).rejects.toThrow('EIO');
    await expect(journal.turn()).rejects.toThrow('EIO');
    await journal.turn();
    await journal.write(record(222));
    expect(keysIn(open(files))).toEqual([[1], [222]]);
    expect(journal.sequence).toBe(2);
  });
});
