import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { expect, onTestFinished, test, vi } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import { OpenSource } from '../../../src/client/file-source.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { type ExchangeFixture, exchangeFixture } from './exchange-fixture.ts';

// Megabytes through two sessions, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });
const random = seededRandom(31);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function write(folder: string, name: string, bytes: Uint8Array): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}

/** Sends more than a million bytes of it, and no more. */
async function giveUpHalfway(fixture: ExchangeFixture, file: string): Promise<void> {
  const stop = new AbortController();
  const given = fixture.send(file, {
    signal: stop.signal,
    onProgress: ({ phase, bytes }) => {
      if (phase === 'sending' && bytes > 1_000_000) stop.abort(new Error('enough'));
    },
  });
  await expect(given).rejects.toThrow('enough');
}

test.each([0, 1, 262_144, 262_145, 5_000_000])('a file of %d bytes arrives whole', async (size) => {
  const fixture = await exchangeFixture();
  const bytes = random(size);
  const [report] = await fixture.send(write(fixture.outgoing, 'report.bin', bytes));
  expect(report).toMatchObject({
    ...{ filename: 'report.bin', path: 'report.bin', bytes: size, bytes_sent: size },
    ...{ bytes_resumed: 0, sha256: sha256(bytes), transport: 'filestream', verified: true },
  });
  expect(fixture.tree()).toEqual({ 'report.bin': Buffer.from(bytes).toString('latin1') });
  expect(fixture.arrived).toMatchObject([{ path: 'report.bin', bytes: size }]);
});

test('a folder keeps its tree; links in it stay behind', async () => {
  const fixture = await exchangeFixture();
  write(fixture.outgoing, 'tree/a.txt', Buffer.from('a'));
  write(fixture.outgoing, 'tree/deep/er/b.txt', Buffer.from('b'));
  symlinkSync('/etc/passwd', path.join(fixture.outgoing, 'tree/link'));
  const leftOut: string[] = [];
  const sent = await fixture.send(path.join(fixture.outgoing, 'tree'), {
    onLeftOut: (file) => leftOut.push(path.basename(file)),
  });
  expect(sent.map((file) => file.path)).toEqual(['tree/a.txt', 'tree/deep/er/b.txt']);
  expect(leftOut).toEqual(['link']);
  expect(fixture.tree()).toEqual({ 'tree/a.txt': 'a', 'tree/deep/er/b.txt': 'b' });
});

test('the same file again is not stored twice; another one of its name gets a suffix', async () => {
  const fixture = await exchangeFixture();
  const file = write(fixture.outgoing, 'notes.txt', Buffer.from('one'));
  await fixture.send(file);
  const [again] = await fixture.send(file);
  expect(again).toMatchObject({ bytes_sent: 0, bytes_resumed: 3, path: 'notes.txt' });
  writeFileSync(file, 'two');
  const [other] = await fixture.send(file);
  expect(other?.path).toMatch(/^notes-\d{8}-\d{6}\.\d{3}\.txt$/);
  expect(Object.values(fixture.tree()).sort()).toEqual(['one', 'two']);
});

test.each<[string, Error | undefined]>([
  ['it was cut off', undefined],
  ['the daemon stopped', new PilotError('unavailable', 'the daemon is stopping')],
])('a transfer goes on where %s, also several times', async (_what, error) => {
  const fixture = await exchangeFixture();
  const bytes = random(9_000_000);
  const file = write(fixture.outgoing, 'large.bin', bytes);
  let dials = 0;
  let cutAt = 2_000_000;
  const offsets: number[] = [];
  let stream: PeerStream | undefined;
  fixture.onDial = (dialled) => {
    dials += 1;
    stream = dialled;
  };
  const [report] = await fixture.send(file, {
    onProgress: ({ phase, bytes: there }) => {
      if (phase === 'waiting') offsets.push(there);
      if (phase !== 'sending' || there < cutAt) return;
      cutAt += 3_000_000;
      stream?.abandon('cancelled', error);
    },
  });
  expect(dials).toBeGreaterThan(2);
  expect(offsets.every((offset, i) => offset >= 2_000_000 * (i + 1))).toBe(true);
  expect(report).toMatchObject({ bytes_resumed: 0, bytes: 9_000_000 });
  expect(sha256(readFileSync(path.join(fixture.received, 'large.bin')))).toBe(sha256(bytes));
  expect(Object.keys(fixture.tree())).toEqual(['large.bin']);
});

test('another command goes on with what one before has sent, after it was checked', async () => {
  const fixture = await exchangeFixture();
  const bytes = random(4_000_000);
  const file = write(fixture.outgoing, 'large.bin', bytes);
  await giveUpHalfway(fixture, file);
  await expect.poll(() => Object.keys(fixture.tree())[0]).toMatch(/^\.partial\//);
  const [report] = await fixture.send(file);
  expect(report?.bytes_resumed).toBeGreaterThan(1_000_000);
  expect(report).toMatchObject({ bytes: 4_000_000, verified: true });
  expect(Object.keys(fixture.tree())).toEqual(['large.bin']);
  expect(sha256(readFileSync(path.join(fixture.received, 'large.bin')))).toBe(sha256(bytes));
});

test('a sender that reads longer than the receiver waits reads no second time', async () => {
  const clock = new ManualClock();
  const fixture = await exchangeFixture({ clock });
  const file = write(fixture.outgoing, 'report.bin', random(5_000_000));
  await giveUpHalfway(fixture, file);
  const original = Object.getOwnPropertyDescriptor(OpenSource.prototype, 'read')
    ?.value as OpenSource['read'];
  const read = vi.spyOn(OpenSource.prototype, 'read');
  onTestFinished(() => {
    read.mockRestore();
  });
  let isWhole = false;
  let dials = 0;
  fixture.onDial = () => (dials += 1);
  read.mockImplementation(async function (this: OpenSource, buffer, offset) {
    // Not while it is read for its SHA-256, nor while it is sent: chunks are smaller.
    if (isWhole && buffer.length > 300_000 && dials < 5) clock.advance(130_000);
    isWhole ||= offset + buffer.length === this.size;
    return original.call(this, buffer, offset);
  });
  const [report] = await fixture.send(file);
  expect(report?.bytes_resumed).toBeGreaterThan(1_000_000);
  expect(dials).toBe(2);
});

test('a part that a crash left damaged is sent anew', async () => {
  const fixture = await exchangeFixture();
  const bytes = random(3_000_000);
  const file = write(fixture.outgoing, 'large.bin', bytes);
  await giveUpHalfway(fixture, file);
  await expect.poll(() => Object.keys(fixture.tree()).length).toBe(1);
  const [name = ''] = Object.keys(fixture.tree());
  // What a lost power supply leaves: the length is there, the bytes are not.
  const part = path.join(fixture.received, name);
  truncateSync(part, 1000);
  truncateSync(part, 1_500_000);
  const [report] = await fixture.send(file);
  expect(report).toMatchObject({ bytes_resumed: 0, bytes_sent: 3_000_000 });
  expect(sha256(readFileSync(path.join(fixture.received, 'large.bin')))).toBe(sha256(bytes));
});

test.each([
  [
    'shrinks',
    (file: string) => {
      truncateSync(file, 500_000);
    },
  ],
  [
    'is written to',
    (file: string) => {
      utimesSync(file, 1, 1);
    },
  ],
])(
  'a file that %s while it is sent: the sender says so, the receiver keeps nothing',
  async (_how, change) => {
    const fixture = await exchangeFixture();
    const file = write(fixture.outgoing, 'log.txt', random(6_000_000));
    let isChanged = false;
    const given = fixture.send(file, {
      onProgress: ({ phase }) => {
        if (phase !== 'sending' || isChanged) return;
        isChanged = true;
        change(file);
      },
    });
    await expect(given).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('changed while it was sent') as string,
    });
    await expect.poll(() => fixture.tree()).toEqual({});
  },
);

test('what does not fit is refused, and says so on both sides', async () => {
  const fixture = await exchangeFixture({ limits: { maxBytes: 1_000_000, maxFiles: 2 } });
  const large = write(fixture.outgoing, 'large', random(1_000_001));
  await expect(fixture.send(large)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('received_full') as string,
  });
  for (const name of ['one', 'two']) await fixture.send(write(fixture.outgoing, name, random(10)));
  const third = write(fixture.outgoing, 'three', random(10));
  await expect(fixture.send(third)).rejects.toThrow('received_full');
  await fixture.folder.clear(Infinity);
  await expect(fixture.send(third)).resolves.toHaveLength(1);
});

test('a disk without room refuses before the first byte', async () => {
  const fixture = await exchangeFixture({
    freeBytes: async () => Promise.resolve(64 * 2 ** 20 + 5),
  });
  await expect(fixture.send(write(fixture.outgoing, 'ten', random(10)))).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('no_space') as string,
  });
  await expect(fixture.send(write(fixture.outgoing, 'five', random(5)))).resolves.toHaveLength(1);
});

test('a link that somebody planted is not written through', async () => {
  const fixture = await exchangeFixture();
  await fixture.send(write(fixture.outgoing, 'first', random(1)));
  const outside = path.join(fixture.outgoing, 'outside');
  mkdirSync(outside);
  symlinkSync(outside, path.join(fixture.received, 'tree'));
  symlinkSync(path.join(outside, 'victim'), path.join(fixture.received, 'note'));
  write(fixture.outgoing, 'tree/a.txt', Buffer.from('a'));
  await expect(fixture.send(path.join(fixture.outgoing, 'tree'))).rejects.toThrow('save_failed');
  const [note] = await fixture.send(write(fixture.outgoing, 'note', Buffer.from('n')));
  expect(note?.path).toMatch(/^note-\d{8}/);
  expect(() => readFileSync(path.join(outside, 'victim'))).toThrow('ENOENT');
});

test('a missing file, a pipe and a closed service are told apart', async () => {
  const fixture = await exchangeFixture();
  await expect(fixture.send('/nowhere/x')).rejects.toMatchObject({ code: 'not_found' });
  await expect(fixture.send('/dev/null')).rejects.toMatchObject({ code: 'invalid_argument' });
  await fixture.exchange.stop();
  const file = write(fixture.outgoing, 'x', random(1));
  await expect(fixture.send(file)).rejects.toMatchObject({ code: 'connection_refused' });
});

test('a folder of many files goes over one stream, which gathers no listeners', async () => {
  const fixture = await exchangeFixture();
  const folder = path.join(fixture.outgoing, 'many');
  mkdirSync(folder);
  for (let i = 0; i < 12; i++) writeFileSync(path.join(folder, String(i)), String(i));
  const streams: PeerStream[] = [];
  fixture.onDial = (stream) => streams.push(stream);
  let most = 0;
  await fixture.send(folder, {
    onProgress: () => {
      for (const stream of streams) most = Math.max(most, stream.listenerCount('error'));
    },
  });
  expect(streams).toHaveLength(1);
  expect(most).toBeLessThan(8);
});

test('what fails on the side of the sender is told at once, not tried again without end', async () => {
  const fixture = await exchangeFixture();
  const file = write(fixture.outgoing, 'report.bin', random(10));
  const mistake = new Error('of the program');
  let told = 0;
  const given = fixture.send(file, {
    onProgress: ({ phase }) => {
      if (phase === 'sending' && ++told < 4) throw mistake;
    },
  });
  await expect(given).rejects.toBe(mistake);

  const read = vi.spyOn(OpenSource.prototype, 'read');
  onTestFinished(() => {
    read.mockRestore();
  });
  // Read for its SHA-256, then gone with its disk.
  const gone = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
  read.mockImplementationOnce(async (buffer) => Promise.resolve(buffer.fill(1)));
  read.mockRejectedValueOnce(gone);
  await expect(fixture.send(file)).rejects.toBe(gone);
});
