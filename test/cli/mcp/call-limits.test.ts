import { beforeEach, describe, expect, test } from 'vitest';

import { CallLimits } from '../../../src/cli/mcp/call-limits.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let limits: CallLimits;

beforeEach(() => {
  clock = new ManualClock();
  limits = new CallLimits(clock, {
    ...{ maxCalls: 2, maxWaiting: 1, outgoing: { perSecond: 1, burst: 3 } },
  });
});

const done = async (): Promise<string> => Promise.resolve('done');

/** Work that a test ends. */
function pending(): { work: () => Promise<void>; end: () => void } {
  let end = (): void => undefined;
  const until = new Promise<void>((resolve) => (end = resolve));
  return { work: async () => until, end };
}

describe('calls', () => {
  test('so many at once, and again when one is done', async () => {
    const first = pending();
    const second = pending();
    const running = [limits.call(first.work), limits.call(second.work)];
    await expect(limits.call(done)).rejects.toMatchObject({ code: 'unavailable' });
    first.end();
    await running[0];
    await expect(limits.call(done)).resolves.toBe('done');
    second.end();
    await running[1];
  });

  test('one that fails gives its place back', async () => {
    const fail = async (): Promise<never> => Promise.reject(new Error('no'));
    for (let i = 0; i < 5; i++) await expect(limits.call(fail)).rejects.toThrow('no');
    await expect(limits.call(done)).resolves.toBe('done');
  });
});

describe('calls to peers', () => {
  test('few wait; those that do not wait go on', async () => {
    const first = pending();
    const running = limits.outgoing(true, first.work);
    await expect(limits.outgoing(true, done)).rejects.toMatchObject({
      ...{ code: 'unavailable', message: '1 calls wait for peers already' },
    });
    await expect(limits.outgoing(false, done)).resolves.toBe('done');
    first.end();
    await running;
    await expect(limits.outgoing(true, done)).resolves.toBe('done');
  });

  test('a burst, then so many a second', async () => {
    for (let i = 0; i < 3; i++) await limits.outgoing(false, done);
    await expect(limits.outgoing(false, done)).rejects.toMatchObject({
      ...{ code: 'unavailable', hint: 'wait some seconds before you go on' },
    });
    clock.advance(1000);
    await expect(limits.outgoing(false, done)).resolves.toBe('done');
    await expect(limits.outgoing(false, done)).rejects.toMatchObject({ code: 'unavailable' });
  });
});
