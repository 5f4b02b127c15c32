import { describe, expect, test, vi } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { StreamEnds, type Tap } from './stream-ends.ts';

// Megabytes are sealed and opened here; the machine may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const KIB = 1024;

/** It has these bytes to send, again and again. */
function keepFull(ours: Tap, bytes: Uint8Array): void {
  ours.onDrained = () => {
    ours.stream.write(bytes);
  };
  ours.onDrained();
}

/** When the messages that were said at these times arrive, in ms after that. */
function delaysOfMessages(ends: StreamEnds, count: number): number[] {
  const delays: number[] = [];
  for (let i = 0; i < count; i++) {
    const saidMs = ends.clock.monotonic();
    ends.high.onMessage = () => delays.push(ends.clock.monotonic() - saidMs);
    ends.low.say(`message ${i}`);
    ends.clock.advance(250);
  }
  return delays;
}

describe('what is under way', () => {
  test.each([
    ['a line of a million bytes a second', { delayMs: 20, bytesPerMs: 1000 }, 0.9],
    ['20 MB/s and 25 ms each way', { delayMs: 25, bytesPerMs: 20_000 }, 0.9],
    ['10 MB/s and 100 ms each way', { delayMs: 100, bytesPerMs: 10_000 }, 0.85],
    ['a home line', { delayMs: 8, bytesPerMs: 5000 }, 0.9],
  ])('fills %s, and a message waits behind little of it', (_what, path, share) => {
    const ends = new StreamEnds(path);
    const [ours, theirs] = ends.pair();
    keepFull(ours, seededRandom(5)(256 * KIB));
    ends.clock.advance(6000);
    const before = theirs.receivedBytes;
    const delays = delaysOfMessages(ends, 20);
    const rate = (theirs.receivedBytes - before) / 5000;
    expect(delays).toHaveLength(20);
    expect(rate / path.bytesPerMs).toBeGreaterThan(share);
    // 64 KiB or 3 ms; a frame more; and what has arrived, but is not acknowledged yet.
    const mayWait = Math.max(64 * KIB, 3 * path.bytesPerMs) + 56 * KIB;
    expect(Math.max(...delays)).toBeLessThan(path.delayMs + mayWait / path.bytesPerMs + 1);
  });

  test('goes on while what was lost is sent again', () => {
    // 0.1 % of datagrams of 1,400 bytes: a loss in about each round trip.
    const path = { delayMs: 25, bytesPerMs: 20_000, lossEveryBytes: 1_400_000 };
    const ends = new StreamEnds(path);
    const [ours, theirs] = ends.pair();
    keepFull(ours, seededRandom(8)(256 * KIB));
    ends.clock.advance(6000);
    const before = theirs.receivedBytes;
    ends.clock.advance(5000);
    expect((theirs.receivedBytes - before) / 5000 / path.bytesPerMs).toBeGreaterThan(0.85);
  });

  test.each([
    ['20 MB/s', { delayMs: 25, bytesPerMs: 20_000 }, 0.9],
    ['2 MB/s', { delayMs: 25, bytesPerMs: 2000 }, 0.9],
    ['a home line', { delayMs: 8, bytesPerMs: 5000 }, 0.9],
    [
      '20 MB/s that lose 0.1 %',
      { delayMs: 25, bytesPerMs: 20_000, lossEveryBytes: 1_400_000 },
      0.85,
    ],
  ])('is less where the link says what it has under way: %s', (_what, path, share) => {
    const ends = new StreamEnds({ ...path, showsLoad: true });
    const [ours, theirs] = ends.pair();
    keepFull(ours, seededRandom(9)(256 * KIB));
    ends.clock.advance(6000);
    const before = theirs.receivedBytes;
    const delays = delaysOfMessages(ends, 20);
    expect((theirs.receivedBytes - before) / 5000 / path.bytesPerMs).toBeGreaterThan(share);
    // What was lost holds up what is behind it for a round trip.
    const againMs = 'lossEveryBytes' in path ? 2 * path.delayMs : 0;
    // 16 KiB or 3 ms, a frame more, and what is looked at every 3 ms.
    const mayWaitMs = 2 * Math.max((16 * KIB) / path.bytesPerMs, 3) + 3;
    const latestMs = path.delayMs + againMs + mayWaitMs + 1;
    expect(Math.max(...delays)).toBeLessThan(latestMs);
  });

  test('is next to nothing while the link rests, and the path is filled at its rate afterwards', () => {
    const path = { delayMs: 25, bytesPerMs: 20_000, showsLoad: true };
    const ends = new StreamEnds(path);
    const [ours, theirs] = ends.pair();
    const [asking, asked] = ends.pair();
    keepFull(ours, seededRandom(10)(256 * KIB));
    ends.clock.advance(6000);
    ends.lowLink.isResting = true;
    ends.clock.advance(60);
    const before = theirs.receivedBytes;
    const atMs = ends.clock.monotonic();
    let tookMs = NaN;
    asked.onBytes = () => (tookMs = ends.clock.monotonic() - atMs);
    asking.stream.write(utf8('ping'));
    ends.clock.advance(200);
    // A round trip until a little of the bulk is through.
    expect(tookMs).toBeLessThan(3 * path.delayMs);
    expect(theirs.receivedBytes - before).toBeLessThan(64 * KIB);
    ends.lowLink.isResting = false;
    let most = 0;
    for (let ms = 0; ms < 100; ms++) {
      ends.clock.advance(1);
      most = Math.max(most, ends.lowLink.waitingMs);
    }
    expect(most).toBeLessThan(8);
    ends.clock.advance(1000);
    expect(theirs.receivedBytes - before).toBeGreaterThan(0.8 * 1000 * path.bytesPerMs);
  });

  test('follows a path that becomes slower', () => {
    const ends = new StreamEnds({ delayMs: 10, bytesPerMs: 20_000 });
    const [ours] = ends.pair();
    keepFull(ours, seededRandom(6)(256 * KIB));
    ends.clock.advance(5000);
    ends.connect({ delayMs: 10, bytesPerMs: 1000 });
    ends.clock.advance(5000);
    expect(Math.max(...delaysOfMessages(ends, 20))).toBeLessThan(10 + 104 + 20);
  });
});

test('messages that found no room go on beside bulk that fills a long, fast path', () => {
  const ends = new StreamEnds({ delayMs: 100, bytesPerMs: 20_000 });
  const [ours] = ends.pair();
  const bytes = seededRandom(5)(256 * KIB);
  ours.onDrained = () => {
    ours.stream.write(bytes);
  };
  ours.onDrained();
  ends.clock.advance(6000);
  while (ends.low.say('x'.repeat(60_000)));
  ends.clock.advance(2000);
  expect(ends.low.events).toContain('writable');
});

test.each([
  ['says', true],
  ['does not say', false],
])('a stream goes on beside messages that fill a link which %s what it has', (_what, showsLoad) => {
  const ends = new StreamEnds({ delayMs: 25, bytesPerMs: 2000, showsLoad });
  const [ours, theirs] = ends.pair();
  const fill = (): void => {
    while (ends.low.say('x'.repeat(60_000)));
  };
  ends.low.writable = fill;
  fill();
  ends.clock.advance(3000);
  const before = ends.high.messages.length;
  ours.stream.write(utf8('ping'));
  // It is behind what a session may have under way.
  ends.clock.advance(25 + (4 * 2 ** 20) / 2000 + 25);
  expect(theirs.receivedBytes).toBe(4);
  expect(ends.high.messages.length - before).toBeGreaterThan(60);
});

test('streams share a path fairly, and one that asks now and then does not wait for bulk', () => {
  const path = { delayMs: 10, bytesPerMs: 2000 };
  const ends = new StreamEnds(path);
  const bulk = Array.from({ length: 20 }, () => ends.pair());
  const bytes = seededRandom(7)(64 * KIB);
  for (const [ours] of bulk) keepFull(ours, bytes);
  const [asking, asked] = ends.pair();
  const waits: number[] = [];
  for (let i = 0; i < 40; i++) {
    const atMs = ends.clock.monotonic();
    asked.onBytes = () => waits.push(ends.clock.monotonic() - atMs);
    asking.stream.write(utf8('ping'));
    ends.clock.advance(250);
  }
  expect(waits).toHaveLength(40);
  expect(Math.max(...waits.slice(10))).toBeLessThan(10 + 104 / 2 + 20);
  const shares = bulk.map(([, theirs]) => theirs.receivedBytes);
  expect(Math.max(...shares) / Math.min(...shares)).toBeLessThan(1.15);
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeGreaterThan(0.85 * 2000 * 10_000);
});
