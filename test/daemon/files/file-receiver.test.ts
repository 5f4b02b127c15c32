import { createHash } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, onTestFinished, test, vi } from 'vitest';

import { ExactReader } from '../../../src/client/exact-reader.ts';
import {
  decodeFileFrame,
  encodeChunkHead,
  encodeFileDone,
  encodeFileInit,
  type FileFrame,
} from '../../../src/client/file-frame.ts';
import { PartFile } from '../../../src/daemon/files/part-file.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { exchangeFixture } from '../services/exchange-fixture.ts';

// Megabytes through two sessions, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const CONTENT = Buffer.from('abc');
const SHA256 = createHash('sha256').update(CONTENT).digest();
const ID = SHA256.subarray(0, 16);

/** A sender that says what it likes. */
class Sender {
  readonly #stream: PeerStream;
  readonly #reader: ExactReader;

  constructor(stream: PeerStream) {
    this.#stream = stream;
    this.#reader = new ExactReader(stream);
  }

  async init(name: Uint8Array, folder: Uint8Array = Buffer.alloc(0)): Promise<FileFrame> {
    this.offer(CONTENT.length, SHA256, { name, folder });
    return this.next();
  }

  offer(size: number, sha256: Buffer, named: { name: Uint8Array; folder: Uint8Array }): void {
    const id = sha256.subarray(0, 16);
    this.#stream.write(encodeFileInit({ id, size, sha256, chunkBytes: 1000, ...named }));
  }

  /** The path that it got. */
  async content(): Promise<string> {
    this.#stream.write(encodeChunkHead(ID, 0, CONTENT.length));
    this.#stream.write(CONTENT);
    this.#stream.write(encodeFileDone(ID));
    for (;;) {
      const frame = await this.next();
      if (frame.kind === 'complete') return frame.text;
      expect(frame.kind).toBe('ack');
    }
  }

  async next(): Promise<FileFrame> {
    const head = await this.#reader.exactly(8);
    const frame = decodeFileFrame((await this.#reader.exactly(head?.readUInt32BE(4) ?? 0)) ?? ID);
    if (frame === undefined) throw new Error('a frame of no known kind');
    return frame;
  }
}

test('names that lead elsewhere are refused one by one; the stream goes on', async () => {
  const fixture = await exchangeFixture();
  const sender = new Sender(await fixture.dial());
  const names = ['', '.', '..', '../x', '/etc/passwd', 'a/b', 'a\\b', 'a\0b', 'x'.repeat(10_240)];
  const bad: [Uint8Array, Uint8Array?][] = [
    ...names.map((name): [Uint8Array] => [Buffer.from(name)]),
    [Uint8Array.of(0x61, 0xff)],
    ...['..', '/etc', 'a/../..', 'a//b', 'a\\b', 'a\0', 'a/'.repeat(40)].map(
      (folder): [Uint8Array, Uint8Array] => [Buffer.from('x'), Buffer.from(folder)],
    ),
  ];
  for (const [name, folder] of bad) {
    expect(await sender.init(name, folder)).toMatchObject({
      kind: 'abort',
      reason: expect.stringMatching(/^bad_name: /) as string,
    });
  }
  expect(await sender.init(Buffer.from('con'), Buffer.from('nul.d'))).toMatchObject({
    kind: 'initAck',
    offset: 0,
  });
  expect(await sender.content()).toBe('_nul.d/_con');
  expect(fixture.tree()).toEqual({ '_nul.d/_con': 'abc' });
});

test('a disk that stands still holds the sender back', async () => {
  const fixture = await exchangeFixture();
  const original = Object.getOwnPropertyDescriptor(PartFile.prototype, 'append')
    ?.value as PartFile['append'];
  const append = vi.spyOn(PartFile.prototype, 'append');
  onTestFinished(() => {
    append.mockRestore();
  });
  let release: () => void = () => undefined;
  const disk = new Promise<void>((resolve) => (release = resolve));
  let taken = 0;
  append.mockImplementation(async function (this: PartFile, bytes) {
    taken += bytes.length;
    // When windows have grown to what they may be.
    if (taken > 12_000_000) await disk;
    return original.call(this, bytes);
  });
  let stream: PeerStream | undefined;
  fixture.onDial = (dialled) => (stream = dialled);
  const file = path.join(fixture.outgoing, 'large.bin');
  writeFileSync(file, seededRandom(9)(40_000_000));
  const sent = fixture.send(file);
  await expect.poll(() => taken, { timeout: 20_000 }).toBeGreaterThan(12_000_000);
  // Much longer than all the rest would take.
  for (let i = 0; i < 5000; i++) await turn();
  // A window of 4 MiB, four chunks at the sender, one at the receiver.
  expect((stream?.bytesWritten ?? Infinity) - taken).toBeLessThan(6 * 2 ** 20);
  release();
  const [report] = await sent;
  expect(report).toMatchObject({ bytes: 40_000_000, bytes_resumed: 0, verified: true });
});

/** As large as what is read between two signs of life, and more. */
const LARGE_BYTES = 70 * 2 ** 20;
const LARGE_SHA256 = createHash('sha256').update(Buffer.alloc(LARGE_BYTES)).digest();
const LARGE = { name: Buffer.from('large'), folder: Buffer.alloc(0) };

test('a large file that lies there already: its sender hears that it is being read', async () => {
  const fixture = await exchangeFixture();
  mkdirSync(fixture.received);
  writeFileSync(path.join(fixture.received, 'large'), '');
  truncateSync(path.join(fixture.received, 'large'), LARGE_BYTES);
  const sender = new Sender(await fixture.dial());
  sender.offer(LARGE_BYTES, LARGE_SHA256, LARGE);
  expect(await sender.next()).toMatchObject({ kind: 'ack', offset: 64 * 2 ** 20 });
  expect(await sender.next()).toMatchObject({ kind: 'initAck', offset: LARGE_BYTES });
});

test('nobody waits for a large part to be read when its stream is over', async () => {
  const fixture = await exchangeFixture();
  const first = await fixture.dial();
  const sender = new Sender(first);
  sender.offer(LARGE_BYTES, LARGE_SHA256, LARGE);
  await sender.next();
  first.write(encodeChunkHead(LARGE_SHA256.subarray(0, 16), 0, 1));
  first.end(Buffer.of(0));
  const parts = (): string[] => Object.entries(fixture.tree()).flatMap(([at, text]) => text && at);
  await expect.poll(parts).toEqual([expect.stringMatching(/^\.partial/)]);
  truncateSync(path.join(fixture.received, parts().join()), LARGE_BYTES);
  const original = Object.getOwnPropertyDescriptor(PartFile.prototype, 'verify')
    ?.value as PartFile['verify'];
  const verify = vi.spyOn(PartFile.prototype, 'verify');
  onTestFinished(() => {
    verify.mockRestore();
  });
  let stopped: Promise<void> | undefined;
  let readBytes = 0;
  verify.mockImplementation(async function (this: PartFile, progress) {
    return original.call(this, async (bytes) => {
      readBytes = bytes;
      stopped ??= fixture.exchange.stop();
      await progress(bytes);
    });
  });
  new Sender(await fixture.dial()).offer(LARGE_BYTES, LARGE_SHA256, LARGE);
  await expect.poll(() => readBytes).toBeGreaterThan(0);
  await stopped;
  expect(readBytes).toBeLessThan(LARGE_BYTES / 2);
  expect(parts()).toHaveLength(1);
});
