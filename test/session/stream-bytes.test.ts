import fc from 'fast-check';
import { expect, test } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { StreamBytes } from '../../src/session/stream-bytes.ts';

/** Every byte that it holds, as one. */
function drain(bytes: StreamBytes): Buffer {
  const pieces: Uint8Array[] = [];
  for (let piece = bytes.take(); piece !== undefined; piece = bytes.take()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The memory behind what it holds, found by taking it all. */
function memoryOf(bytes: StreamBytes): number {
  const memory = new Set<ArrayBufferLike>();
  for (let piece = bytes.take(); piece !== undefined; piece = bytes.take()) {
    memory.add(piece.buffer);
  }
  return [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

test('what was pushed comes out in order, at most as much as was asked for', () => {
  const bytes = new StreamBytes();
  expect(bytes.take()).toBeUndefined();
  bytes.push(utf8('hello '));
  bytes.push(new Uint8Array());
  bytes.push(utf8('world'));
  expect(bytes.length).toBe(11);
  expect(String(Buffer.from(bytes.take(4) ?? []))).toBe('hell');
  expect(bytes.length).toBe(7);
  expect(drain(bytes).toString()).toBe('o world');
  expect([bytes.length, bytes.take()]).toEqual([0, undefined]);
});

test('a small piece is copied at once; a large one is kept as it came', () => {
  const bytes = new StreamBytes();
  const [small, large] = [new Uint8Array(100).fill(1), new Uint8Array(5000).fill(2)];
  bytes.push(small);
  small.fill(9);
  bytes.push(large);
  expect(bytes.take()).toEqual(new Uint8Array(100).fill(1));
  expect(bytes.take()?.buffer).toBe(large.buffer);
});

test('ten thousand single bytes lie in a few blocks, of about twice their length at most', () => {
  const bytes = new StreamBytes();
  for (let i = 0; i < 10_000; i++) bytes.push(Uint8Array.of(i));
  expect(memoryOf(bytes)).toBeLessThan(20_000 + 512);
});

test('a small part of a large buffer does not keep the buffer', () => {
  const bytes = new StreamBytes();
  for (let i = 0; i < 10; i++) bytes.push(new Uint8Array(2 ** 20).subarray(i, i + 8192));
  expect(memoryOf(bytes)).toBe(10 * 8192);
});

test('bytes that were taken stay as they are while more come', () => {
  const bytes = new StreamBytes();
  bytes.push(utf8('first'));
  const taken = bytes.take();
  bytes.push(utf8('second'));
  expect(String(Buffer.from(taken ?? []))).toBe('first');
  expect(drain(bytes).toString()).toBe('second');
});

test('more than there is cannot be moved', () => {
  const bytes = new StreamBytes();
  bytes.push(utf8('abc'));
  expect(() => {
    bytes.moveTo(new Uint8Array(8), 0, 4);
  }).toThrow(RangeError);
});

test('after clear it is as new', () => {
  const bytes = new StreamBytes();
  bytes.push(utf8('small'));
  bytes.push(new Uint8Array(9000));
  bytes.take(2);
  bytes.clear();
  expect([bytes.length, bytes.take()]).toEqual([0, undefined]);
  bytes.push(utf8('again'));
  expect(drain(bytes).toString()).toBe('again');
});

test('whatever is pushed, taken and moved, it is a queue of bytes', () => {
  const size = fc.oneof(
    { weight: 4, arbitrary: fc.nat(300) },
    { weight: 1, arbitrary: fc.integer({ min: 4000, max: 20_000 }) },
  );
  const step = fc.oneof(
    fc.record({ kind: fc.constant('push'), size, isView: fc.boolean() }),
    fc.record({ kind: fc.constant('take'), size }),
    fc.record({ kind: fc.constant('move'), size }),
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear'), size: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const bytes = new StreamBytes();
      let expected = Buffer.alloc(0);
      let next = 0;
      for (const one of steps) {
        if (one.kind === 'push') {
          const whole = new Uint8Array('isView' in one && one.isView ? one.size * 3 : one.size);
          const piece = whole.subarray(0, one.size);
          for (let i = 0; i < piece.length; i++) piece[i] = next++;
          expected = Buffer.concat([expected, piece]);
          bytes.push(piece);
        } else if (one.kind === 'take') {
          const taken = Buffer.from(bytes.take(one.size) ?? []);
          expect(taken.length).toBeLessThanOrEqual(one.size);
          expect(taken.length > 0 || one.size === 0 || expected.length === 0).toBe(true);
          expect(taken.equals(expected.subarray(0, taken.length))).toBe(true);
          expected = expected.subarray(taken.length);
        } else if (one.kind === 'move') {
          const count = Math.min(one.size, expected.length);
          const target = new Uint8Array(count + 2).fill(7);
          bytes.moveTo(target, 1, count);
          const moved = Buffer.concat([Buffer.of(7), expected.subarray(0, count), Buffer.of(7)]);
          expect(moved.equals(target)).toBe(true);
          expected = expected.subarray(count);
        } else {
          bytes.clear();
          expected = Buffer.alloc(0);
        }
        expect(bytes.length).toBe(expected.length);
      }
      expect(drain(bytes).equals(expected)).toBe(true);
    }),
    { numRuns: 300, seed: 11 },
  );
});
