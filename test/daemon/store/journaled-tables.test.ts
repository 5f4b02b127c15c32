import { beforeEach, expect, test } from 'vitest';

import { BLOCK_BYTES, makeRecord } from '../../../src/daemon/store/journal-record.ts';
import { JournaledTables } from '../../../src/daemon/store/journaled-tables.ts';
import { entryOf, Overlay } from '../../../src/daemon/store/overlay.ts';
import { sequenceKey, type Write } from '../../../src/daemon/store/storage.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { Faults, SimulatedFile, SimulatedTables } from './simulated-disk.ts';

const RECORDS_PER_FILE = 3;

let faults: Faults;
let clock: ManualClock;
let tables: SimulatedTables;
let files: readonly [SimulatedFile, SimulatedFile];
let journaled: JournaledTables;

beforeEach(() => {
  faults = new Faults();
  clock = new ManualClock();
  const disk = { faults, draw: () => 0 };
  tables = new SimulatedTables(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), disk);
  files = [new SimulatedFile('journal-0', disk), new SimulatedFile('journal-1', disk)];
  journaled = open();
});

function open(): JournaledTables {
  const maxFileBytes = RECORDS_PER_FILE * BLOCK_BYTES;
  return new JournaledTables({ tables, files, maxFileBytes, clock });
}

async function put(...numbers: number[]): Promise<void> {
  for (const number of numbers) {
    await write([{ table: 'seen', key: sequenceKey(number), value: Uint8Array.of(number) }]);
  }
}

async function write(writes: readonly Write[]): Promise<void> {
  await journaled.write(makeRecord(writes), Overlay.of(writes.map(entryOf)));
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

const inTables = (number: number) => tables.get('seen', sequenceKey(number)) !== undefined;
const inOverlays = () => journaled.overlays.flatMap((overlay) => [...overlay.writes()]).length;

test('what was written goes into the tables when nothing more comes', async () => {
  await put(1);
  clock.advance(1500);
  await put(2);
  clock.advance(1500);
  await settle();
  expect(inTables(1)).toBe(false);
  clock.advance(2000);
  await settle();
  expect([inTables(1), inTables(2)]).toEqual([true, true]);
  expect(tables.applied).toBe(2);
  expect(inOverlays()).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

test('what is removed again costs the tables no row', async () => {
  await put(1, 1, 1);
  await write([{ table: 'seen', key: sequenceKey(1) }]);
  await journaled.close();
  expect(inTables(1)).toBe(false);
  // The first file was full before the removal.
  expect(tables.writes).toBe(2);
});

test('a full file turns, and a write waits while the other one is brought into the tables', async () => {
  await put(1, 2, 3);
  faults.hold();
  const fourth = put(4);
  await settle();
  faults.release();
  await fourth;
  await settle();
  expect([inTables(3), inTables(4)]).toEqual([true, false]);
  await put(5, 6, 7, 8);
  await settle();
  expect([inTables(6), inTables(7)]).toEqual([true, false]);
});

test('while the tables cannot be written both files fill, then writes fail, until there is room', async () => {
  faults.tables = true;
  await put(1, 2, 3, 4, 5, 6);
  await expect(put(7)).rejects.toThrow('full');
  await expect(put(7)).rejects.toThrow('full');
  expect(inOverlays()).toBe(6);
  faults.tables = false;
  await put(7);
  await journaled.close();
  expect([1, 6, 7].map(inTables)).toEqual([true, true, true]);
});

test('without a write, too, it tries again', async () => {
  faults.tables = true;
  await put(1, 2, 3, 4);
  clock.advance(2000);
  await settle();
  faults.tables = false;
  clock.advance(5000);
  await settle();
  expect(inTables(1)).toBe(true);
  clock.advance(2000);
  await settle();
  expect(inTables(4)).toBe(true);
});

test('what could not be brought into the tables is there after the next start', async () => {
  faults.tables = true;
  await put(1, 2, 3, 4);
  await journaled.close();
  files = [files[0].crash(), files[1].crash()];
  tables = tables.crash();
  journaled = open();
  expect(inOverlays()).toBe(4);
  faults.tables = false;
  await put(5, 6, 7);
  await journaled.close();
  expect([1, 4, 5, 7].map(inTables)).toEqual([true, true, true, true]);
});
