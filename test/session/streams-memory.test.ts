import { expect, test, vi } from 'vitest';

import { MAX_STREAMS, MAX_WINDOWS_BYTES } from '../../src/session/stream-windows.ts';
import { StreamEnds, Tap } from './stream-ends.ts';

// 32 MiB are sealed and opened here; the machine may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const PIECE = new Uint8Array(64 * 1024);

/** Writes without end, as fast as it may. */
function pour(tap: Tap): void {
  tap.onDrained = () => {
    tap.stream.write(PIECE);
  };
  tap.onDrained();
}

/** `count` more streams of `low`, that `high` has taken; nobody reads yet. */
function open(ends: StreamEnds, count: number): { ours: Tap[]; theirs: Tap[] } {
  const before = ends.high.streams.length;
  const ours = Array.from({ length: count }, () => new Tap(ends.low.session.openStream(7, 0)));
  ends.clock.advance(1000);
  const theirs = ends.high.streams.slice(before);
  for (const tap of theirs) tap.isReading = false;
  return { ours, theirs };
}

/** What the session holds of these streams: it is all taken out, with no time for more to come. */
function heldBytes(taps: readonly Tap[]): number {
  return taps.reduce((sum, tap) => {
    const before = tap.receivedBytes;
    tap.read();
    return sum + tap.receivedBytes - before;
  }, 0);
}

test('1,000 streams that nobody reads hold the 32 MiB of their peer at most', () => {
  const ends = new StreamEnds();
  const { ours, theirs } = open(ends, MAX_STREAMS);
  expect(theirs).toHaveLength(MAX_STREAMS);
  for (const tap of ours) pour(tap);
  ends.clock.advance(20_000);
  const held = heldBytes(theirs);
  expect(held).toBeLessThanOrEqual(MAX_WINDOWS_BYTES);
  // Every one had its share: it is credit that stopped them.
  expect(held).toBeGreaterThan(MAX_WINDOWS_BYTES / 2);
  expect(Math.min(...theirs.map(({ receivedBytes }) => receivedBytes))).toBeGreaterThan(0);
  expect(ends.low.session.state).toBe('open');
});

test('nor more when some have earned large windows first, and all stop then', () => {
  const ends = new StreamEnds({ delayMs: 25, bytesPerMs: 50_000 });
  const some = open(ends, 16);
  for (const tap of some.theirs) tap.isReading = true;
  for (const tap of some.ours) pour(tap);
  ends.clock.advance(1500);
  expect(heldBytes(some.theirs)).toBe(0);
  for (const tap of some.theirs) tap.isReading = false;
  const others = open(ends, MAX_STREAMS - 16);
  for (const tap of others.ours) pour(tap);
  ends.clock.advance(20_000);
  const [large, small] = [heldBytes(some.theirs), heldBytes(others.theirs)];
  expect(large).toBeGreaterThan(16 * 64 * 1024);
  expect(large + small).toBeLessThanOrEqual(MAX_WINDOWS_BYTES);
  expect(Math.min(...others.theirs.map(({ receivedBytes }) => receivedBytes))).toBeGreaterThan(0);
});

test('streams that come and go give back what they had', () => {
  const ends = new StreamEnds();
  for (let round = 0; round < 5; round++) {
    const { ours, theirs } = open(ends, 300);
    for (const tap of ours) pour(tap);
    ends.clock.advance(2000);
    for (const { stream } of round % 2 === 0 ? ours : theirs) stream.reset('enough');
    ends.clock.advance(1000);
    expect(heldBytes(theirs)).toBe(0);
  }
  const { ours, theirs } = open(ends, 1);
  for (const tap of ours) pour(tap);
  ends.clock.advance(1000);
  expect(heldBytes(theirs)).toBe(64 * 1024);
});
