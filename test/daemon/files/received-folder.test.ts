import { linkSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, onTestFinished, test, vi } from 'vitest';

import type { Arriving } from '../../../src/daemon/files/received-folder.ts';
import { SmallDisk } from '../../bad-input/small-disk.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { exchangeFixture } from '../services/exchange-fixture.ts';

// Megabytes through two sessions, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const HOUR_MS = 3_600_000;

test('parts are gone a day after they were last written, unless they are being written', async () => {
  const clock = new ManualClock();
  const fixture = await exchangeFixture({ clock });
  const partial = path.join(fixture.received, '.partial');
  const writtenHoursAgo = (name: string, hours: number): void => {
    const file = path.join(partial, name);
    const atSeconds = (clock.now() - hours * HOUR_MS) / 1000;
    utimesSync(file, atSeconds, atSeconds);
  };
  const parts = (): string[] => Object.keys(fixture.tree()).map((name) => path.basename(name));
  const arriving = await fixture.folder.begin('peer', 'active', 1000);
  await arriving.part.append(Buffer.from('active'));
  writtenHoursAgo('peer-active', 100);
  writeFileSync(path.join(partial, 'old'), 'old');
  writtenHoursAgo('old', 23.5);
  writeFileSync(path.join(partial, 'young'), 'young');
  writtenHoursAgo('young', 22.5);
  writeFileSync(path.join(fixture.received, 'whole'), 'whole');
  utimesSync(path.join(fixture.received, 'whole'), 0, 0);

  clock.advance(HOUR_MS);
  await expect.poll(parts).toEqual(['peer-active', 'young', 'whole']);
  clock.advance(HOUR_MS);
  await expect.poll(parts).toEqual(['peer-active', 'whole']);
  await arriving.end('keep');
  clock.advance(HOUR_MS);
  await expect.poll(parts).toEqual(['whole']);
});

test('room that parts took is there again when they are swept', async () => {
  const clock = new ManualClock();
  const fixture = await exchangeFixture({ clock, limits: { maxBytes: 1000, maxFiles: 10 } });
  const arriving = await fixture.folder.begin('peer', 'left', 900);
  await arriving.part.append(Buffer.alloc(900));
  await arriving.end('keep');
  const atSeconds = clock.now() / 1000;
  utimesSync(path.join(fixture.received, '.partial', 'peer-left'), atSeconds, atSeconds);
  const begin = async (): Promise<Arriving> => fixture.folder.begin('peer', 'next', 500);
  await expect(begin()).rejects.toThrow('received_full');
  clock.advance(25 * HOUR_MS);
  await expect.poll(() => Object.keys(fixture.tree())).toEqual([]);
  const next = await begin();
  expect(next.part.size).toBe(0);
  await next.end('remove');
});

test('names that differ in case alone: neither file takes the place of the other', async () => {
  const fixture = await exchangeFixture();
  for (const name of ['Report.txt', 'report.txt', 'REPORT.TXT']) {
    const folder = path.join(fixture.outgoing, name === 'report.txt' ? 'b' : 'a');
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, name);
    writeFileSync(file, name);
    await fixture.send(file);
  }
  expect(Object.values(fixture.tree()).sort()).toEqual(['REPORT.TXT', 'Report.txt', 'report.txt']);
});

test('a disk that is full in the middle of a file: said, and gone on with when there is room', async (context) => {
  const fixture = await exchangeFixture({
    freeBytes: async () => Promise.resolve(Number.MAX_SAFE_INTEGER),
  });
  const disk = SmallDisk.mount(fixture.received, 4);
  if (disk === undefined) {
    context.skip('a real full disk needs the right to mount one (root)');
    return;
  }
  onTestFinished(() => {
    disk.unmount();
  });
  const bytes = Buffer.from(seededRandom(8)(9_000_000));
  const file = path.join(fixture.outgoing, 'large.bin');
  writeFileSync(file, bytes);
  await expect(fixture.send(file)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('no_space: the disk of the receiver is full') as string,
    hint: 'its owner has to free disk space',
  });
  expect(Object.keys(fixture.tree())).toEqual([expect.stringMatching(/^\.partial\//)]);
  disk.resize(32);
  const [report] = await fixture.send(file);
  expect(report).toMatchObject({ bytes: 9_000_000, verified: true });
  expect(report?.bytes_resumed).toBeGreaterThan(3_000_000);
  expect(readFileSync(path.join(fixture.received, 'large.bin')).equals(bytes)).toBe(true);
});

test('a part that another stream took over gets no name from the first one', async () => {
  const fixture = await exchangeFixture();
  const place = { folder: [], name: 'report' };
  const first = await fixture.folder.begin('peer', 'same', 3);
  await first.part.append(Buffer.from('abc'));
  await first.part.sync();
  const second = await fixture.folder.begin('peer', 'same', 3);
  await expect(first.place(place)).rejects.toThrow('superseded');
  await second.part.restart();
  await second.part.append(Buffer.from('abc'));
  expect(await second.place(place)).toBe('report');
  expect(fixture.tree()).toEqual({ report: 'abc' });
});

test('files that somebody else removes meanwhile are no obstacle to clearing', async () => {
  const fixture = await exchangeFixture();
  mkdirSync(fixture.received);
  for (let i = 0; i < 50; i++) writeFileSync(path.join(fixture.received, String(i)), '');
  const both = await Promise.all([fixture.folder.clear(Infinity), fixture.folder.clear(Infinity)]);
  expect(both.reduce((sum, { cleared }) => sum + cleared, 0)).toBe(50);
  expect(fixture.tree()).toEqual({});
});

test('a part that is taken up again while others are cleared is not pulled away', async () => {
  const fixture = await exchangeFixture();
  const left = await fixture.folder.begin('peer', 'same', 6);
  await left.part.append(Buffer.from('abc'));
  await left.end('keep');
  const cleared = fixture.folder.clear(Infinity);
  const again = await fixture.folder.begin('peer', 'same', 6);
  await cleared;
  await again.part.verify(async () => Promise.resolve());
  await again.part.append(Buffer.from('abcabc').subarray(again.part.size));
  await again.part.sync();
  expect(await again.place({ folder: [], name: 'report' })).toBe('report');
  expect(fixture.tree()).toEqual({ report: 'abcabc' });
});

test('a part that another stream takes over while it is verified: said as that', async () => {
  const fixture = await exchangeFixture();
  const left = await fixture.folder.begin('peer', 'same', 3_000_000);
  await left.part.append(Buffer.alloc(3_000_000));
  await left.end('keep');
  const first = await fixture.folder.begin('peer', 'same', 3_000_000);
  let second: Arriving | undefined;
  const verified = first.part.verify(async () => {
    second ??= await fixture.folder.begin('peer', 'same', 3_000_000);
  });
  await expect(verified).rejects.toThrow('superseded');
  await second?.end('keep');
});

test('a crash between the name of a file and the end of its part keeps nobody from sending it again', async () => {
  const fixture = await exchangeFixture();
  const left = await fixture.folder.begin('peer', 'same', 3);
  await left.part.append(Buffer.from('abc'));
  // Its own name was taken, so that it is not found by that.
  linkSync(left.part.path, path.join(fixture.received, 'report-2'));
  await left.end('keep');
  const again = await fixture.folder.begin('peer', 'same', 3);
  await again.part.append(Buffer.from('xyz'));
  await again.part.sync();
  expect(await again.place({ folder: [], name: 'report' })).toBe('report');
  expect(fixture.tree()).toEqual({ report: 'xyz', 'report-2': 'abc' });
});
