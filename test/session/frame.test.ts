import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { encodeClose } from '../../src/session/close-frame.ts';
import {
  decodeAck,
  decodeFrames,
  decodePong,
  decodeResume,
  encodeAck,
  encodePathPing,
  encodePathPong,
  encodePing,
  encodePong,
  encodeResume,
  frameBytes,
  type OutgoingFrame,
  writeFrameHead,
} from '../../src/session/frame.ts';
import { PacketWriter } from '../../src/session/packet-writer.ts';

function bytesOf(frame: OutgoingFrame): Uint8Array {
  const bytes = Buffer.alloc(frameBytes(frame));
  bytes.set(frame.body, writeFrameHead(bytes, 0, frame));
  return bytes;
}

function packetsOf(frames: readonly OutgoingFrame[]): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const writer = new PacketWriter((parts, length) => {
    const packet = concatBytes(...parts);
    expect(packet).toHaveLength(length);
    packets.push(packet);
  });
  for (const frame of frames) writer.add(frame);
  writer.end();
  return packets;
}

test.each([
  [encodeAck({ next: 7, windowBytes: 0x400000 }), '01 0000000c 0000000000000007 00400000'],
  [
    encodeResume({
      ...{ wantsAnswer: true, wantsFrames: true, isAnswer: false },
      ...{ next: 2 ** 32, windowBytes: 1 },
    }),
    '02 0000000d 03 0000000100000000 00000001',
  ],
  [
    encodeResume({
      ...{ wantsAnswer: false, wantsFrames: false, isAnswer: true },
      ...{ next: 0, windowBytes: 0 },
    }),
    '02 0000000d 04 0000000000000000 00000000',
  ],
  [encodePing(5), '03 00000008 0000000000000005'],
  [encodePong(fromHex('0102030405060708ff')), '04 00000008 0102030405060708'],
  [encodeClose(), '05 00000000'],
  [encodeClose('data_after_end'), '05 0000000e 646174615f61667465725f656e64'],
  [encodePathPing(6), '06 00000008 0000000000000006'],
  [encodePathPong(fromHex('0102030405060708ff')), '07 00000008 0102030405060708'],
  [{ type: 0x20, sequence: undefined, body: fromHex('aabb') }, '20 00000002 aabb'],
  [{ type: 0x80, sequence: 2 ** 33 + 1, body: fromHex('cc') }, '80 00000009 0000000200000001 cc'],
])('%# has the documented bytes', (frame, hex) => {
  expect(toHex(bytesOf(frame))).toBe(hex.replaceAll(' ', ''));
  const [decoded] = decodeFrames(bytesOf(frame));
  expect(decoded?.type).toBe(frame.type);
  expect(decoded?.sequence).toBe(frame.sequence);
  expect(toHex(decoded?.body ?? new Uint8Array())).toBe(toHex(frame.body));
});

describe('reading', () => {
  test('control frames may grow at the end', () => {
    const grown = (frame: OutgoingFrame): Uint8Array =>
      Buffer.concat([frame.body, Buffer.alloc(9)]);
    const ack = { next: 1, windowBytes: 2 };
    const resume = { ...ack, wantsAnswer: true, wantsFrames: false, isAnswer: true };
    expect(decodeAck(grown(encodeAck(ack)))).toEqual(ack);
    expect(decodeResume(grown(encodeResume(resume)))).toEqual(resume);
    expect(decodePong(grown(encodePing(6)))).toBe(6);
  });

  test.each([
    ['half a header', '0100'],
    ['a body that ends early', '0100000002aa'],
    ['a reliable frame without room for its sequence', '80000000070000000000000000'],
    ['a sequence beyond 2^53', '80000000080020000000000000'],
    ['a length of 4 GiB', '20ffffffff'],
  ])('%s is malformed', (_what, hex) => {
    expect(() => decodeFrames(fromHex(hex))).toThrow(WireError);
  });

  test('a body above 1.25 MiB is malformed', () => {
    const body = new Uint8Array(1.25 * 2 ** 20 + 1);
    expect(() => decodeFrames(bytesOf({ type: 0x20, sequence: undefined, body }))).toThrow(
      WireError,
    );
  });

  test('random bytes fail with WireError only', () => {
    const decoders = [decodeFrames, decodeAck, decodeResume, decodePong, encodePong];
    fc.assert(
      fc.property(
        fc.constantFrom(...decoders),
        fc.uint8Array({ maxLength: 64 }),
        (decode, bytes) => {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('gathering frames into packets', () => {
  const frame = (length: number): OutgoingFrame => ({
    type: 0x20,
    sequence: undefined,
    body: new Uint8Array(length).fill(length & 0xff),
  });

  test('small ones share packets of up to 16 KiB, a large one is alone', () => {
    const lengths = [100, 200, 10_000, 6000, 300, 100_000, 5];
    const packets = packetsOf(lengths.map(frame));
    expect(packets.map((packet) => decodeFrames(packet).map(({ body }) => body.length))).toEqual([
      ...[[100, 200, 10_000, 6000], [300], [100_000], [5]],
    ]);
  });

  test('whatever is put in comes out in order', () => {
    const one = fc.record({
      type: fc.constantFrom(0x20, 0x80, 0x85, 0x3f),
      number: fc.nat(),
      body: fc.uint8Array({ maxLength: 9000 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), (list) => {
        const frames = list.map(({ type, number, body }) => ({
          ...{ type, sequence: type >= 0x80 ? number : undefined, body },
        }));
        expect(packetsOf(frames).flatMap((packet) => decodeFrames(packet))).toEqual(frames);
      }),
    );
  });
});
