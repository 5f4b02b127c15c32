import { expect, test } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/base/wire-error.ts';
import { FrameReader, LENGTH_BYTES, writeLength } from '../../../src/daemon/links/frame-reader.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const MAX_BYTES = 30_000;

function encodeLength(length: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES);
  writeLength(bytes, length);
  return bytes;
}

function frame(packet: Uint8Array): Buffer {
  return Buffer.concat([encodeLength(packet.length), packet]);
}

function read(pieces: readonly Uint8Array[]): string[] {
  const packets: string[] = [];
  const reader = new FrameReader(MAX_BYTES, (packet) => packets.push(toHex(packet)));
  for (const piece of pieces) reader.push(piece, () => true);
  return packets;
}

test('the length is little-endian', () => {
  expect(toHex(encodeLength(0x010203))).toBe('030201');
  expect(read([Buffer.from('020000aabb010000cc', 'hex')])).toEqual(['aabb', 'cc']);
});

test('packets come out as they went in, however the stream is cut', () => {
  const random = seededRandom(7);
  const packets = [1, 2, 300, 4095, 20_000, 1, 3].map((length) => random(length));
  const stream = Buffer.concat(packets.map(frame));
  for (const cutBytes of [1, 2, 3, 1197, 10_000, stream.length]) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < stream.length; at += cutBytes) {
      pieces.push(stream.subarray(at, at + cutBytes));
    }
    expect(read(pieces)).toEqual(packets.map(toHex));
  }
});

test('a packet in one piece is not copied', () => {
  const piece = frame(Uint8Array.of(1, 2, 3));
  const reader = new FrameReader(MAX_BYTES, (packet) => {
    expect(packet.buffer).toBe(piece.buffer);
  });
  reader.push(piece, () => true);
  expect.assertions(1);
});

test.each([
  ['nothing', 0],
  ['more than there can be', MAX_BYTES + 1],
  ['as much as the field can say', 0xffffff],
])('a length of %s is refused', (_what, length) => {
  expect(() => read([encodeLength(length)])).toThrow(WireError);
});

test('random bytes end in packets within the bound or in WireError', () => {
  let broken = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const reader = new FrameReader(1000, (packet) => {
      expect(packet.length).toBeGreaterThan(0);
      expect(packet.length).toBeLessThanOrEqual(1000);
    });
    const random = seededRandom(seed);
    try {
      for (let piece = 0; piece < 50; piece++) reader.push(random(1 + piece), () => true);
    } catch (error) {
      expect(error).toBeInstanceOf(WireError);
      broken += 1;
    }
  }
  expect(broken).toBeGreaterThan(250);
});

test('it stops when nothing more is wanted', () => {
  const packets: Uint8Array[] = [];
  const reader = new FrameReader(MAX_BYTES, (packet) => packets.push(packet));
  reader.push(Buffer.from('0100000101000002', 'hex'), () => packets.length < 1);
  expect(packets).toHaveLength(1);
});
