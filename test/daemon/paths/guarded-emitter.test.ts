import { expect, test } from 'vitest';

import { GuardedEmitter } from '../../../src/daemon/paths/guarded-emitter.ts';

test('a listener that throws hinders neither the others nor the emitter', () => {
  const threw: unknown[] = [];
  const emitter = new GuardedEmitter<{ readonly news: number }>((error) => threw.push(error));
  const fault = new Error('a fault');
  const heard: number[] = [];
  const release = emitter.on('news', () => {
    throw fault;
  });
  emitter.on('news', (news) => heard.push(news));
  emitter.emit('news', 1);
  release();
  emitter.emit('news', 2);
  expect(heard).toEqual([1, 2]);
  expect(threw).toEqual([fault]);
});
