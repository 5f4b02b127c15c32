import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import type { Stream } from '../../src/session/stream.ts';
import { MAX_STREAMS, MAX_WINDOW_BYTES } from '../../src/session/stream-windows.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { StreamEnds, Tap } from './stream-ends.ts';
import { TwoEnds } from './two-ends.ts';

// Megabytes are sealed and opened here; the machine may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const KIB = 1024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Writes everything, a piece whenever the last one is gone, and finishes. */
function pour(tap: Tap, bytes: Uint8Array, pieceBytes: number): void {
  let offset = 0;
  const next = (): void => {
    if (offset >= bytes.length) {
      tap.stream.finish();
      return;
    }
    const piece = bytes.subarray(offset, offset + pieceBytes);
    offset += piece.length;
    tap.stream.write(piece);
  };
  tap.onDrained = next;
  next();
}

describe('a stream', () => {
  test('is opened, taken, carries bytes both ways, and ends a half at a time', () => {
    const ends = new StreamEnds();
    const [ours, theirs] = ends.pair(1001);
    expect(ours.told).toEqual(['accepted']);
    expect([theirs.stream.port, theirs.stream.sourcePort]).toEqual([1001, 50_000]);
    ours.stream.write(utf8('question'));
    ours.stream.finish();
    ends.clock.advance(100);
    expect(theirs.receivedBytes).toBe(8);
    expect(theirs.told).toEqual(['end']);
    theirs.stream.write(utf8('answer'));
    theirs.stream.finish();
    ends.clock.advance(100);
    expect(ours.receivedBytes).toBe(6);
    expect(ours.told).toEqual(['accepted', 'end']);
    expect(ours.stream.isOver && theirs.stream.isOver).toBe(true);
  });

  test('may be opened by either side at the same moment', () => {
    const ends = new StreamEnds();
    const ours = new Tap(ends.low.session.openStream(1, 0));
    const theirs = new Tap(ends.high.session.openStream(2, 0));
    ends.clock.advance(100);
    expect([ours.told, theirs.told]).toEqual([['accepted'], ['accepted']]);
    expect(ends.low.streams.map(({ stream }) => stream.port)).toEqual([2]);
    expect(ends.high.streams.map(({ stream }) => stream.port)).toEqual([1]);
  });

  test('that is refused says why, in one round trip', () => {
    const ends = new StreamEnds();
    ends.high.onStream = ({ stream }) => {
      stream.reset('connection_refused');
    };
    const ours = new Tap(ends.low.session.openStream(9, 0));
    ends.clock.advance(21);
    expect(ours.told).toEqual(['reset by peer: connection_refused']);
  });

  test('that is reset loses what was not read, on both sides at once', () => {
    const ends = new StreamEnds();
    const [ours, theirs] = ends.pair();
    theirs.isReading = false;
    ours.stream.write(utf8('unread'));
    ends.clock.advance(50);
    theirs.stream.reset('not_wanted');
    ends.clock.advance(50);
    expect(ours.told).toEqual(['accepted', 'reset by peer: not_wanted']);
    expect(theirs.stream.read()).toBeUndefined();
    expect(theirs.told).toEqual([]);
  });

  test('given up before its OPEN went out is never heard of', () => {
    const ends = new StreamEnds();
    ends.cut();
    const ours = new Tap(ends.low.session.openStream(7, 0));
    ours.stream.reset('cancelled');
    ends.connect({ delayMs: 10, bytesPerMs: 50_000 });
    ends.clock.advance(1000);
    expect(ends.high.streams).toEqual([]);
  });

  test('ends with the session, and says what became of that', () => {
    const ends = new StreamEnds();
    const [ours, theirs] = ends.pair();
    ends.high.session.close();
    ends.clock.advance(50);
    expect(theirs.told).toEqual(['reset by session: local']);
    expect(ours.told).toEqual(['accepted', 'reset by session: peer_closed']);
  });

  test('does not look whole when the session is closed as soon as its last bytes are taken', () => {
    const ends = new StreamEnds();
    const [ours, theirs] = ends.pair();
    ours.onDrained = () => {
      ours.stream.finish();
      ends.low.session.close();
    };
    ours.stream.write(utf8('question'));
    ends.clock.advance(100);
    expect([theirs.receivedBytes, theirs.told]).toEqual([0, ['reset by session: peer_closed']]);
  });

  test('that only waits hears that the peer is gone', () => {
    const ends = new StreamEnds();
    const [ours] = ends.pair();
    ends.clock.advance(60 * 60_000);
    expect(ours.told).toEqual(['accepted']);
    ends.lowLink.cut();
    ends.highLink.cut();
    ends.clock.advance(60_000);
    expect(ours.told).toEqual(['accepted', 'reset by session: dead']);
  });
});

describe('credit', () => {
  test('a reader that stops stops the writer, and neither side holds more than the window', () => {
    const ends = new StreamEnds();
    const [ours, theirs] = ends.pair();
    theirs.isReading = false;
    let written = 0;
    const piece = seededRandom(3)(16 * KIB);
    const write = (): void => {
      written += piece.length;
      ours.stream.write(piece);
    };
    ours.onDrained = write;
    write();
    ends.clock.advance(10_000);
    expect(written).toBe(64 * KIB + piece.length);
    theirs.read(2);
    ends.clock.advance(1000);
    expect(written).toBeLessThan(256 * KIB);
    const before = written;
    theirs.isReading = true;
    theirs.read();
    ends.clock.advance(1000);
    expect(written).toBeGreaterThan(before + 1024 * KIB);
  });

  test('the window of a fast reader grows, up to its bound', () => {
    const ends = new StreamEnds({ delayMs: 25, bytesPerMs: 50_000 });
    const [ours, theirs] = ends.pair();
    const bytes = seededRandom(4)(2 ** 20);
    ours.onDrained = () => {
      ours.stream.write(bytes);
    };
    ours.onDrained();
    ends.clock.advance(3000);
    theirs.isReading = false;
    const before = theirs.receivedBytes;
    ends.clock.advance(3000);
    theirs.read();
    expect(theirs.receivedBytes - before).toBeGreaterThan(2 ** 20);
    expect(theirs.receivedBytes - before).toBeLessThanOrEqual(MAX_WINDOW_BYTES);
  });
});

test('a peer that sends more than its window hears why the session was reset', () => {
  const ends = new StreamEnds();
  const [ours, theirs] = ends.pair();
  theirs.isReading = false;
  // As if the other side had given that much.
  (ours.stream as unknown as Pick<Stream, 'offered'>).offered(2 ** 20);
  ours.stream.write(seededRandom(5)(256 * KIB));
  ends.clock.advance(1000);
  expect(ends.high.events).toEqual(['opened', 'closed: violation']);
  expect(ends.low.events).toEqual(['opened', 'closed: peer_closed']);
  expect([ends.low.codes, ends.high.codes]).toEqual([['window_exceeded'], ['window_exceeded']]);
  expect(theirs.told).toEqual(['reset by session: violation']);
  expect(ours.told).toEqual(['accepted', 'reset by session: peer_closed']);
});

describe('bounds', () => {
  test('1,000 streams at once, and not one more until one is over', () => {
    const ends = new StreamEnds();
    const taps = Array.from(
      { length: MAX_STREAMS },
      (_, i) => new Tap(ends.low.session.openStream(i, 0)),
    );
    ends.clock.advance(1000);
    expect(taps.every(({ told }) => told.includes('accepted'))).toBe(true);
    expect(() => ends.low.session.openStream(1, 0)).toThrow('1000 streams with this peer are open');
    expect(() => ends.high.session.openStream(1, 0)).toThrow('1000 streams');
    taps[0]?.stream.reset('done');
    ends.clock.advance(100);
    expect(ends.high.streams[0]?.told).toEqual(['reset by peer: done']);
    const [again] = ends.pair();
    expect(again.told).toEqual(['accepted']);
  });

  test('streams opened faster than 1,000 a second are refused', () => {
    const ends = new StreamEnds();
    ends.high.onStream = ({ stream }) => {
      stream.reset('connection_refused');
    };
    const told: string[] = [];
    for (let round = 0; round < 6; round++) {
      const taps = Array.from(
        { length: 900 },
        (_, i) => new Tap(ends.low.session.openStream(i, 0)),
      );
      ends.clock.advance(100);
      for (const tap of taps) told.push(...tap.told);
    }
    expect(told).toHaveLength(5400);
    const limited = told.filter((words) => words === 'reset by peer: rate_limited').length;
    expect(limited).toBeGreaterThan(2500);
    expect(limited).toBeLessThan(3400);
    expect(ends.low.session.state).toBe('open');
  });

  test('without a session there is no stream', () => {
    const ends = new StreamEnds();
    ends.low.session.close();
    expect(() => ends.low.session.openStream(7, 0)).toThrow('there is no open session');
  });

  test('a peer of an older release, which announces none, gets none', () => {
    const ends = new TwoEnds().open();
    expect(() => ends.low.session.openStream(7, 0)).toThrow('the other node has no streams');
    ends.low.say('hello');
    ends.clock.advance(100);
    expect(ends.high.messages).toEqual(['hello']);
  });
});

test('whatever happens to the links, and however readers pause, bytes arrive as they were written', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(400) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut'), ms: fc.nat(3000) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('swap'),
        ms: fc.nat(200),
        delayMs: fc.nat(150),
        bytesPerMs: fc.integer({ min: 200, max: 50_000 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause'), ms: fc.nat(1000) }) },
  );
  const plan = fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
    steps: fc.array(step, { minLength: 5, maxLength: 25 }),
    streams: fc.array(
      fc.record({
        bytes: fc.integer({ min: 0, max: 600 * KIB }),
        piece: fc.integer({ min: 1000, max: 300 * KIB }),
        isBackward: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  });
  fc.assert(
    fc.property(plan, ({ seed, steps, streams }) => {
      const ends = new StreamEnds(undefined, seed % 1000);
      const random = seededRandom(seed);
      const pairs = streams.map((spec) => {
        const [ours, theirs] = ends.pair();
        const bytes = random(spec.bytes);
        const [from, to] = spec.isBackward ? [theirs, ours] : [ours, theirs];
        pour(from, bytes, spec.piece);
        return { to, expected: sha256(bytes) };
      });
      for (const one of steps) {
        const [first] = pairs;
        if (one.kind === 'cut') ends.cut();
        if (one.kind === 'pause' && first !== undefined) first.to.isReading = false;
        if ('delayMs' in one) ends.connect(one);
        ends.clock.advance(one.ms);
        if (one.kind === 'cut') ends.connect({ delayMs: 15, bytesPerMs: 5000 });
        if (one.kind === 'pause' && first !== undefined) {
          first.to.isReading = true;
          first.to.read();
        }
      }
      ends.connect({ delayMs: 5, bytesPerMs: 50_000 });
      ends.clock.advance(30_000);
      for (const { to, expected } of pairs) {
        expect(to.hasEnded).toBe(true);
        expect(to.received.digest('hex')).toBe(expected);
      }
      expect(ends.low.session.counters.drops.get('bad_frame')).toBeUndefined();
    }),
    { numRuns: 40, seed: 4 },
  );
}, 60_000);
