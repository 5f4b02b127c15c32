import { describe, expect, test } from 'vitest';

import { WireError } from '../../src/base/wire-error.ts';
import {
  STREAM_FRAME,
  streamFrame,
  streamFrameHead,
  StreamFrameReader,
} from '../../src/client/stream-framing.ts';

/** `kind: body`; DATA as it came, in pieces. */
function framesOf(chunks: readonly Buffer[]): string[] {
  const frames: string[] = [];
  const reader = new StreamFrameReader((kind, body) => {
    frames.push(`${kind}: ${body.toString('latin1')}`);
  });
  for (const chunk of chunks) reader.push(chunk);
  return frames;
}

describe('frames of a stream on the Unix socket', () => {
  test('the bytes of a head', () => {
    expect(streamFrameHead(STREAM_FRAME.reset, 0x01_02_03).toString('hex')).toBe('02010203');
    expect(streamFrame(STREAM_FRAME.data, 'hi').toString('hex')).toBe('000000026869');
  });

  test('the same frames wherever the bytes are split', () => {
    const bytes = Buffer.concat([
      streamFrame(STREAM_FRAME.refuse, '17'),
      streamFrame(STREAM_FRAME.end),
      streamFrame(STREAM_FRAME.reset, '{}'),
    ]);
    const whole = ['7: 17', '1: ', '2: {}'];
    expect(framesOf([bytes])).toEqual(whole);
    for (let at = 1; at < bytes.length; at++) {
      expect(framesOf([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
    }
    expect(framesOf([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
  });

  test('DATA comes as it arrives, and what is behind it is found', () => {
    const bytes = Buffer.concat([
      streamFrame(STREAM_FRAME.data, 'hello'),
      streamFrame(STREAM_FRAME.data),
      streamFrame(STREAM_FRAME.end),
    ]);
    expect(framesOf([bytes.subarray(0, 6), bytes.subarray(6)])).toEqual(['0: he', '0: llo', '1: ']);
  });

  test('a length that only DATA may have', () => {
    const largest = 66 * 1024;
    const reader = new StreamFrameReader(() => undefined);
    reader.push(streamFrameHead(STREAM_FRAME.data, 2 ** 24 - 1));
    for (const kind of [STREAM_FRAME.reset, 255]) {
      const other = new StreamFrameReader(() => undefined);
      expect(() => {
        other.push(streamFrameHead(kind, largest + 1));
      }).toThrow(WireError);
    }
    expect(() => streamFrameHead(STREAM_FRAME.data, 2 ** 24)).toThrow(RangeError);
  });
});
