import fc from 'fast-check';
import { expect, test } from 'vitest';

import { WireError } from '../../src/base/wire-error.ts';
import { decodeControl, encodeControl, type EventControl } from '../../src/client/event-control.ts';
import {
  encodeEvent,
  EventFrameReader,
  MAX_EVENT_BYTES,
  MAX_TOPIC_BYTES,
} from '../../src/client/event-frame.ts';

const HI_ON_A = Buffer.from('0001' + '61' + '00000002' + '6869', 'hex');

/** What a reader makes of pieces. */
function read(...pieces: Buffer[]): { topic: string; payload: string }[] {
  const reader = new EventFrameReader();
  return pieces.flatMap((piece) => {
    reader.push(piece);
    return [...reader].map(({ topic, payload }) => ({ topic, payload: payload.toString() }));
  });
}

test('the bytes of pilotctl interface 2.9', () => {
  expect(encodeEvent('a', Buffer.from('hi'))).toEqual(HI_ON_A);
  expect(read(HI_ON_A)).toEqual([{ topic: 'a', payload: 'hi' }]);
  expect(encodeEvent('a', Buffer.alloc(0)).toString('hex')).toBe('00016100000000');
});

test('events come out as they went in, however the bytes are cut', () => {
  const events = fc.array(
    fc.record({ topic: fc.string({ maxLength: 12 }), payload: fc.uint8Array({ maxLength: 60 }) }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(events, fc.array(fc.nat(40), { minLength: 1 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(({ topic, payload }) => encodeEvent(topic, payload)));
      const reader = new EventFrameReader();
      const got: { topic: string; payload: Uint8Array; bytes: string }[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = at + 1 + (cuts[i % cuts.length] ?? 0);
        reader.push(Buffer.from(bytes.subarray(at, end)));
        for (const { topic, payload, bytes: whole } of reader) {
          got.push({ topic, payload: Uint8Array.from(payload), bytes: whole.toString('hex') });
        }
        at = end;
      }
      expect(got).toEqual(
        sent.map(({ topic, payload }) => ({
          ...{ topic, payload: Uint8Array.from(payload) },
          bytes: encodeEvent(topic, payload).toString('hex'),
        })),
      );
      expect(reader.heldBytes).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('lengths that no event has are refused when they are read', () => {
  expect(() => read(Buffer.from('0401', 'hex'))).toThrow(WireError);
  expect(() => read(Buffer.from('000161ffffffff', 'hex'))).toThrow(WireError);
  expect(() => read(Buffer.from('00016101000001', 'hex'))).toThrow(WireError);
  expect(() => read(Buffer.from('0001ff00000000', 'hex'))).toThrow('UTF-8');
  expect(() => encodeEvent('t'.repeat(MAX_TOPIC_BYTES + 1), Buffer.alloc(0))).toThrow(RangeError);
  expect(() => encodeEvent('t', Buffer.alloc(MAX_EVENT_BYTES + 1))).toThrow(RangeError);
});

test('half an event holds what came of it, not what it says it is', () => {
  const reader = new EventFrameReader();
  reader.push(Buffer.from('000161' + '01000000', 'hex'));
  expect(reader.next()).toBeUndefined();
  reader.push(Buffer.alloc(1000));
  expect(reader.next()).toBeUndefined();
  expect(reader.heldBytes).toBeLessThan(10_000);
});

test('the largest event comes whole', () => {
  const event = encodeEvent('big', Buffer.alloc(MAX_EVENT_BYTES, 7));
  const reader = new EventFrameReader();
  for (let at = 0; at < event.length; at += 32_768) {
    expect(reader.next()).toBeUndefined();
    reader.push(event.subarray(at, at + 32_768));
  }
  expect(reader.next()?.payload.equals(event.subarray(event.length - MAX_EVENT_BYTES))).toBe(true);
});

const id = Uint8Array.from({ length: 16 }, (_, i) => i * 7);

test('the bytes of docs/protocol-events.md', () => {
  const frame = encodeControl({ kind: 'subscribe', filter: 'jobs/#' });
  expect(frame.toString('hex')).toBe(`000000000016a2616b697375627363726962656174666a6f62732f23`);
});

test.each<EventControl>([
  { kind: 'retained', filter: 'jobs/#' },
  { kind: 'durable', filter: '*', id },
  { kind: 'forget', id },
  { kind: 'publish' },
  { kind: 'gap' },
  { kind: 'ok', count: 3 },
  { kind: 'dropped', count: 2 ** 40 },
  { kind: 'ack', count: 1 },
  { kind: 'taken', subscribers: [0, 5, 1] },
])('%j comes out as it went in', (control) => {
  expect(decodeControl(Buffer.from(encodeControl(control).subarray(6)))).toEqual(control);
});

test('random bytes are a control, of a later release, or malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeControl(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
  );
});
