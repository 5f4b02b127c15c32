import { Writable } from 'node:stream';

import { expect, test } from 'vitest';

import { decodeControl } from '../../../src/client/event-control.ts';
import { encodeEvent, EventFrameReader, MAX_EVENT_BYTES } from '../../../src/client/event-frame.ts';
import { EventBudget } from '../../../src/daemon/topics/event-budget.ts';
import { EventOutlet } from '../../../src/daemon/topics/event-outlet.ts';

/** A reader that takes a chunk when it is told to. */
class Slow extends Writable {
  readonly got: string[] = [];
  readonly #reader = new EventFrameReader();
  #done: () => void = () => undefined;

  constructor() {
    super({ highWaterMark: 1 });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#reader.push(chunk);
    for (const { topic, payload } of this.#reader) {
      const control = topic === '' ? decodeControl(payload) : undefined;
      this.got.push(control?.kind === 'dropped' ? `dropped ${control.count}` : topic);
    }
    this.#done = done;
  }

  async readAll(): Promise<string[]> {
    for (let left = 100; left > 0; left--) {
      const done = this.#done;
      this.#done = () => undefined;
      done();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    return this.got;
  }
}

const frame = (topic: string, bytes = 1): Buffer => encodeEvent(topic, Buffer.alloc(bytes));
const newBudget = (maxBytes = 1000): EventBudget => new EventBudget(maxBytes);

test('the oldest are dropped, and counted where they are missing', async () => {
  const slow = new Slow();
  const budget = newBudget();
  const limits = { maxEvents: 2, maxBytes: 1000 };
  const outlet = new EventOutlet(slow, { budget, limits, tells: true });
  for (const topic of ['a', 'b', 'c', 'd', 'e']) outlet.push(frame(topic));
  expect(await slow.readAll()).toEqual(['a', 'dropped 2', 'd', 'e']);
  expect(budget.usedBytes).toBe(0);
});

test('a reader that knows events only is told nothing', async () => {
  const slow = new Slow();
  const limits = { maxEvents: 1, maxBytes: 1000 };
  const outlet = new EventOutlet(slow, { budget: newBudget(), limits, tells: false });
  for (const topic of ['a', 'b', 'c']) outlet.push(frame(topic));
  expect(await slow.readAll()).toEqual(['a', 'c']);
});

test('readers of one budget share it; the largest event fits into an empty one', async () => {
  const budget = newBudget(100);
  const [slow, other] = [new Slow(), new Slow()];
  const outlets = [slow, other].map((reader) => new EventOutlet(reader, { budget, tells: true }));
  for (const outlet of outlets) outlet.push(frame('taken'));
  outlets[0]?.push(frame('waits', 80));
  outlets[1]?.push(frame('too much', 80));
  expect(budget.usedBytes).toBe(91);
  outlets[0]?.close();
  expect(budget.usedBytes).toBe(0);
  outlets[1]?.push(frame('large', MAX_EVENT_BYTES));
  expect(budget.usedBytes).toBeGreaterThan(MAX_EVENT_BYTES);
  expect(await other.readAll()).toEqual(['taken', 'dropped 1', 'large']);
  expect(budget.usedBytes).toBe(0);
});

test('what is held goes out behind what was there before', async () => {
  const slow = new Slow();
  const outlet = new EventOutlet(slow, { budget: newBudget(), tells: true });
  outlet.hold();
  outlet.push(frame('new'));
  outlet.release([frame('old')]);
  expect(await slow.readAll()).toEqual(['old', 'new']);
});
