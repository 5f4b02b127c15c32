import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ByteReader } from '../../src/base/byte-reader.ts';
import { readCount } from '../../src/session/frame.ts';
import { Stream } from '../../src/session/stream.ts';
import { decodeStreamFrame, STREAM_ID_BYTES } from '../../src/session/stream-frame.ts';
import { QUANTUM_BYTES, StreamSchedule } from '../../src/session/stream-schedule.ts';
import { ReceiveWindow, StreamWindows } from '../../src/session/stream-windows.ts';

const PLENTY = 2 ** 31;

/** Streams that are open, with credit for anything, and the schedule that they report to. */
class Senders {
  readonly schedule = new StreamSchedule();
  readonly #windows = new StreamWindows();
  readonly #streams: Stream[] = [];

  /** Opened by the peer; `id` is its place in the list. */
  open(): Stream {
    const bytes = this.#windows.first() ?? 0;
    const window = new ReceiveWindow(bytes, {
      ...{ windows: this.#windows, nowMs: () => 0, rttMs: () => undefined },
    });
    const place = { id: this.#streams.length, port: 1, sourcePort: 2, isOurs: false };
    const stream = new Stream(place, {
      window,
      hasFrames: (one) => {
        this.schedule.add(one);
      },
      left: (one) => {
        this.schedule.remove(one);
      },
    });
    this.#streams.push(stream);
    stream.offered(PLENTY);
    stream.accept();
    this.schedule.takeControl();
    return stream;
  }

  openMany(count: number): Stream[] {
    return Array.from({ length: count }, () => this.open());
  }

  /** Whose data is next, and how much of it. Undefined: nobody's. */
  next(): { readonly id: number; readonly bytes: number } | undefined {
    const frame = this.schedule.takeData(Infinity);
    if (frame === undefined) return undefined;
    const id = readCount(new ByteReader(frame.body));
    return { id, bytes: frame.body.length - STREAM_ID_BYTES };
  }

  /** The next `count` frames. */
  take(count: number): { readonly id: number; readonly bytes: number }[] {
    return Array.from({ length: count }, () => this.next()).filter((one) => one !== undefined);
  }

  nextControl(): string | undefined {
    const frame = this.schedule.takeControl();
    if (frame === undefined) return undefined;
    const { kind, id } = decodeStreamFrame(frame.type, frame.body);
    return `${kind} ${id}`;
  }
}

const MIB = 2 ** 20;
const idsOf = (frames: readonly { readonly id: number }[]): number[] => frames.map(({ id }) => id);

describe('turns', () => {
  test('bulk streams send a quantum each, one after the other', () => {
    const senders = new Senders();
    for (const stream of senders.openMany(3)) stream.write(new Uint8Array(MIB));
    const frames = senders.take(9);
    expect(idsOf(frames)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(new Set(frames.map(({ bytes }) => bytes))).toEqual(new Set([QUANTUM_BYTES]));
  });

  test('one that has less than a quantum gives its turn up, and loses none of it', () => {
    const senders = new Senders();
    const [small, bulk] = senders.openMany(2) as [Stream, Stream];
    bulk.write(new Uint8Array(MIB));
    small.write(new Uint8Array(100));
    expect(senders.take(3)).toEqual([
      { id: 1, bytes: QUANTUM_BYTES },
      { id: 0, bytes: 100 },
      { id: 1, bytes: QUANTUM_BYTES },
    ]);
  });

  test('the ends of streams go in turn, after their bytes', () => {
    const senders = new Senders();
    const stream = senders.open();
    stream.write(new Uint8Array(10));
    stream.finish();
    expect(senders.take(5)).toEqual([
      { id: 0, bytes: 10 },
      { id: 0, bytes: 0 },
    ]);
    expect(senders.schedule.hasData).toBe(false);
  });
});

describe('a stream that was silent', () => {
  test('goes before bulk that waits already', () => {
    const senders = new Senders();
    const [question, ...bulk] = senders.openMany(50) as [Stream, ...Stream[]];
    for (const stream of bulk) stream.write(new Uint8Array(MIB));
    senders.take(60);
    question.write(new Uint8Array(100));
    expect(senders.next()).toEqual({ id: 0, bytes: 100 });
  });

  test('that asks again and again goes first until a quantum is used, then waits for its turn', () => {
    const senders = new Senders();
    const [asker, bulk] = senders.openMany(2) as [Stream, Stream];
    bulk.write(new Uint8Array(16 * MIB));
    senders.take(4);
    let asked = 0;
    for (let i = 0; i < 100; i++) {
      asker.write(new Uint8Array(1024));
      if (senders.next()?.id !== 0) break;
      asked += 1024;
    }
    expect(asked).toBe(QUANTUM_BYTES);
    // Its turn comes all the same: bulk has not shut it out.
    expect(idsOf(senders.take(2))).toContain(0);
  });

  test('gets no more than two quanta for each turn of bulk, whatever it writes', () => {
    const senders = new Senders();
    const [asker, bulk] = senders.openMany(2) as [Stream, Stream];
    bulk.write(new Uint8Array(64 * MIB));
    asker.write(new Uint8Array(64));
    let [askers, bulks] = [0, 0];
    for (let i = 0; i < 2000; i++) {
      const next = senders.next();
      if (next?.id === 1) bulks += next.bytes;
      else askers += next?.bytes ?? 0;
      if (!asker.hasData) asker.write(new Uint8Array(4096));
    }
    expect(bulks).toBeGreaterThan(MIB);
    expect(askers).toBeGreaterThan(bulks / 2);
    expect(askers).toBeLessThanOrEqual(2 * bulks + 2 * QUANTUM_BYTES);
  });
});

describe('what streams owe', () => {
  test('goes in the order in which it came to be owed, each once', () => {
    const senders = new Senders();
    const [a, b, c] = senders.openMany(3) as [Stream, Stream, Stream];
    b.reset('cancelled');
    c.reset('cancelled');
    a.reset('cancelled');
    expect([1, 2, 3, 4].map(() => senders.nextControl())).toEqual([
      'reset 1',
      'reset 2',
      'reset 0',
      undefined,
    ]);
    expect(senders.schedule.hasControl).toBe(false);
  });

  test('a stream that is reset has no more turns', () => {
    const senders = new Senders();
    const [gone, left] = senders.openMany(2) as [Stream, Stream];
    gone.write(new Uint8Array(MIB));
    left.write(new Uint8Array(MIB));
    gone.reset('cancelled');
    expect(senders.nextControl()).toBe('reset 0');
    expect(new Set(idsOf(senders.take(10)))).toEqual(new Set([1]));
  });
});

test('whoever writes what and when: everything goes out once, and nobody is shut out', () => {
  const plan = fc.record({
    streams: fc.integer({ min: 1, max: 20 }),
    steps: fc.array(
      fc.record({
        stream: fc.nat(19),
        bytes: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 300_000 })),
        frames: fc.nat(8),
      }),
      { maxLength: 60 },
    ),
  });
  fc.assert(
    fc.property(plan, ({ streams: count, steps }) => {
      const senders = new Senders();
      const streams = senders.openMany(count);
      const written = streams.map(() => 0);
      const sent = streams.map(() => 0);
      /** Frames of others since a stream with data had one. */
      const waited = streams.map(() => 0);
      const takeOne = (): boolean => {
        const next = senders.next();
        if (next === undefined) return false;
        expect(next.bytes).toBeGreaterThan(0);
        expect(next.bytes).toBeLessThanOrEqual(QUANTUM_BYTES);
        sent[next.id] = (sent[next.id] ?? 0) + next.bytes;
        for (const [i, stream] of streams.entries()) {
          waited[i] = i === next.id || !stream.hasData ? 0 : (waited[i] ?? 0) + 1;
        }
        return true;
      };
      for (const { stream, bytes, frames } of steps) {
        const at = stream % count;
        streams[at]?.write(new Uint8Array(bytes));
        written[at] = (written[at] ?? 0) + bytes;
        for (let i = 0; i < frames; i++) takeOne();
        // Others have their turns before, and each write may let one of them go first once.
        expect(Math.max(...waited)).toBeLessThanOrEqual(steps.length + 2 * count);
      }
      let frames = 0;
      const most = written.reduce((sum, bytes) => sum + Math.ceil(bytes / QUANTUM_BYTES) + 1, 0);
      while (takeOne()) expect(++frames).toBeLessThanOrEqual(most);
      expect(sent).toEqual(written);
      expect(senders.schedule.hasData).toBe(false);
    }),
    { numRuns: 300, seed: 7 },
  );
});
