import { describe, expect, test } from 'vitest';

import { FRAME } from '../../src/session/frame.ts';
import {
  MAX_RESEND_BYTES,
  MAX_RESEND_FRAMES,
  ResendQueue,
} from '../../src/session/resend-queue.ts';

const body = (length: number): Uint8Array => new Uint8Array(length);

function queueOf(count: number): ResendQueue {
  const queue = new ResendQueue(MAX_RESEND_BYTES);
  for (let i = 0; i < count; i++) queue.push(0x80, body(1));
  return queue;
}

const taken = (queue: ResendQueue): (number | undefined)[] => {
  const sequences: (number | undefined)[] = [];
  for (let frame = queue.take(); frame !== undefined; frame = queue.take()) {
    sequences.push(frame.sequence);
  }
  return sequences;
};

describe('the resend queue', () => {
  test('hands out frames once, in order, and again after a rewind', () => {
    const queue = queueOf(4);
    expect(taken(queue)).toEqual([0, 1, 2, 3]);
    expect(queue.acknowledge(2, MAX_RESEND_BYTES)).toBe('news');
    expect(taken(queue)).toEqual([]);
    queue.rewind();
    expect(taken(queue)).toEqual([2, 3]);
  });

  test('knows news, old news, and what cannot be', () => {
    const queue = queueOf(4);
    queue.take();
    queue.take();
    expect(queue.acknowledge(3, 0)).toBe('invalid');
    expect(queue.acknowledge(1, MAX_RESEND_BYTES)).toBe('news');
    expect(queue.acknowledge(1, MAX_RESEND_BYTES)).toBe('known');
    expect(queue.acknowledge(0, 0)).toBe('known');
    expect(queue.hasUnderWay).toBe(true);
    expect(queue.acknowledge(2, MAX_RESEND_BYTES)).toBe('news');
    expect(queue.hasUnderWay).toBe(false);
    expect(queue.isEmpty).toBe(false);
  });

  test('an acknowledgement in the middle of a resend moves the cursor on', () => {
    const queue = queueOf(4);
    taken(queue);
    queue.rewind();
    queue.take();
    queue.acknowledge(3, MAX_RESEND_BYTES);
    expect(taken(queue)).toEqual([3]);
  });

  test('is bounded by frames', () => {
    const queue = queueOf(MAX_RESEND_FRAMES);
    expect(queue.push(0x80, body(1))).toBe(false);
    expect(queue.hasDrained).toBe(false);
    taken(queue);
    queue.acknowledge(MAX_RESEND_FRAMES / 2, MAX_RESEND_BYTES);
    expect(queue.hasDrained).toBe(true);
  });

  test('is bounded by bytes, and by the window as the peer changes it', () => {
    const queue = new ResendQueue(MAX_RESEND_BYTES * 2);
    expect(queue.push(0x80, body(MAX_RESEND_BYTES))).toBe(true);
    expect(queue.push(0x80, body(1))).toBe(false);
    taken(queue);
    queue.acknowledge(1, 10);
    expect(queue.push(0x80, body(6))).toBe(true);
    expect(queue.push(0x80, body(5))).toBe(false);
    expect(queue.push(0x80, body(4))).toBe(true);
  });

  test('has drained when others than stream data are through, however much of that there is', () => {
    const queue = new ResendQueue(MAX_RESEND_BYTES);
    const fill = (): void => {
      while (queue.hasRoomForStream('data')) queue.add(FRAME.data, body(32 * 1024));
    };
    fill();
    while (queue.push(FRAME.message, body(32 * 1024)));
    expect(queue.hasDrained).toBe(false);
    taken(queue);
    queue.acknowledge(queue.end, MAX_RESEND_BYTES);
    fill();
    expect(queue.hasDrained).toBe(true);
    while (queue.push(FRAME.message, body(32 * 1024)));
    expect(queue.hasDrained).toBe(false);
  });
});
