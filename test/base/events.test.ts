import { expect, test } from 'vitest';

import { Emitter } from '../../src/base/events.ts';

interface Events {
  readonly opened: number;
  readonly closed: string;
}

test('each listener of a name gets the event, until it is removed', () => {
  const emitter = new Emitter<Events>();
  const got: (number | string)[] = [];
  const remove = emitter.on('opened', (n) => got.push(n));
  emitter.on('opened', (n) => got.push(n * 10));
  emitter.on('closed', (reason) => got.push(reason));
  emitter.emit('opened', 1);
  remove();
  remove();
  emitter.emit('opened', 2);
  emitter.emit('closed', 'end');
  expect(got).toEqual([1, 10, 20, 'end']);
});

test('a listener may add and remove listeners', () => {
  const emitter = new Emitter<Events>();
  const got: number[] = [];
  const remove = emitter.on('opened', (n) => {
    got.push(n);
    remove();
    emitter.on('opened', (m) => got.push(m * 10));
  });
  emitter.emit('opened', 1);
  emitter.emit('opened', 2);
  expect(got).toEqual([1, 20]);
});

test('nobody listens: nothing happens', () => {
  const emitter = new Emitter<Events>();
  expect(() => {
    emitter.emit('closed', 'x');
  }).not.toThrow();
});
