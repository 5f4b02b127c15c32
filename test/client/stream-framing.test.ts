import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { WireError } from '../../src/base/wire-error.ts';
import {
  datagramFrame,
  readDatagramFrame,
  STREAM_FRAME,
  streamFrame,
  streamFrameHead,
  StreamFrameReader,
} from '../../src/client/stream-framing.ts';

type Taken = [kind: number, body: string];

/** What a reader makes of these chunks; pieces of DATA as they came. */
function read(...chunks: readonly Buffer[]): Taken[] {
  const taken: Taken[] = [];
  const reader = new StreamFrameReader((kind, body) => taken.push([kind, body.toString('latin1')]));
  for (const chunk of chunks) reader.push(chunk);
  return taken;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('the bytes', () => {
  test.each([
    ['DATA', streamFrame(STREAM_FRAME.data, 'hi'), '00 000002 6869'],
    ['END', streamFrame(STREAM_FRAME.end), '01 000000'],
    ['RESET', streamFrame(STREAM_FRAME.reset, '{}'), '02 000002 7b7d'],
    ['DATAGRAM', datagramFrame('bob', 53, Buffer.from('hi')), '03 000008 03 626f62 0035 6869'],
    ['a head of 16 MiB less one', streamFrameHead(STREAM_FRAME.data, 2 ** 24 - 1), '00 ffffff'],
    ['a head of every byte', streamFrameHead(STREAM_FRAME.reset, 0x01_02_03), '02 010203'],
    ['a kind above 127', streamFrameHead(0xff, 1), 'ff 000001'],
  ])('%s', (_name, made, bytes) => {
    expect(made.toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  test('what does not fit is refused before it is written', () => {
    expect(() => streamFrameHead(STREAM_FRAME.data, 2 ** 24)).toThrow(RangeError);
    expect(() => datagramFrame('x'.repeat(256), 1, Buffer.alloc(0))).toThrow(RangeError);
  });
});

describe('a datagram', () => {
  test('comes back as it was', () => {
    const read = fc.property(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.nat(65_535),
      fc.uint8Array({ maxLength: 100 }),
      (target, port, bytes) => {
        const body = datagramFrame(target, port, bytes).subarray(4);
        const datagram = readDatagramFrame(body);
        expect([datagram.target, datagram.port]).toEqual([target, port]);
        expect(datagram.bytes.equals(bytes)).toBe(true);
      },
    );
    fc.assert(read, { numRuns: 200, seed: 3 });
  });

  test.each(['', '00', '0000', '03 626f62 00', 'ff 00'])('%j is none', (bytes) => {
    expect(() => readDatagramFrame(hex(bytes))).toThrow(WireError);
  });
});

describe('the reader', () => {
  test('gives DATA in the pieces in which it comes, everything else whole', () => {
    const taken = read(
      hex('00 000004 61'),
      hex('6263'),
      hex('64 02 000003 78'),
      hex('79'),
      hex('7a'),
    );
    expect(taken).toEqual([
      [STREAM_FRAME.data, 'a'],
      [STREAM_FRAME.data, 'bc'],
      [STREAM_FRAME.data, 'd'],
      [STREAM_FRAME.reset, 'xyz'],
    ]);
  });

  test('a frame of no bytes is one, except of DATA, where it says nothing', () => {
    expect(read(hex('00 000000 01 000000'))).toEqual([[STREAM_FRAME.end, '']]);
  });

  test('DATA may be as long as a head can say; of others 66 KiB', () => {
    expect(read(hex('00 ffffff'), Buffer.alloc(2 ** 24 - 1, 'x'))[0]?.[1]).toHaveLength(
      2 ** 24 - 1,
    );
    expect(read(streamFrame(STREAM_FRAME.failed, Buffer.alloc(66 * 1024)))).toHaveLength(1);
    expect(() => read(streamFrameHead(STREAM_FRAME.failed, 66 * 1024 + 1))).toThrow(WireError);
    expect(() => read(hex('ff ffffff'))).toThrow(WireError);
  });

  test('the same frames wherever the bytes are split, also byte by byte', () => {
    const bytes = Buffer.concat([
      streamFrame(STREAM_FRAME.refuse, '17'),
      streamFrame(STREAM_FRAME.end),
      streamFrame(STREAM_FRAME.reset, '{}'),
    ]);
    const whole: Taken[] = [
      [STREAM_FRAME.refuse, '17'],
      [STREAM_FRAME.end, ''],
      [STREAM_FRAME.reset, '{}'],
    ];
    for (let at = 0; at < bytes.length; at++) {
      expect(read(bytes.subarray(0, at), bytes.subarray(at))).toEqual(whole);
    }
    expect(read(...[...bytes].map((byte) => Buffer.of(byte)))).toEqual(whole);
  });

  test('however the bytes are cut, the frames are the same', () => {
    const frame = fc.record({
      kind: fc.nat(8),
      body: fc.uint8Array({ maxLength: 40 }),
    });
    const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 10 }), cuts, (frames, lengths) => {
        const bytes = Buffer.concat(frames.map(({ kind, body }) => streamFrame(kind, body)));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const length of lengths) {
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        const taken = joined(read(...chunks, bytes.subarray(at)));
        const expected = frames.map(({ kind, body }): Taken => [
          kind,
          Buffer.from(body).toString('latin1'),
        ]);
        expect(taken).toEqual(joined(expected));
      }),
      { numRuns: 500, seed: 4 },
    );
  });

  test('no bytes make it do anything but give frames or throw WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 500, seed: 5 },
    );
  });
});

/** DATA that stands together as one piece, and none of it where there are no bytes. */
function joined(taken: readonly Taken[]): Taken[] {
  const frames: Taken[] = [];
  for (const [kind, body] of taken) {
    const last = frames.at(-1);
    if (kind !== STREAM_FRAME.data) frames.push([kind, body]);
    else if (last?.[0] === STREAM_FRAME.data) last[1] += body;
    else if (body !== '') frames.push([kind, body]);
  }
  return frames;
}
