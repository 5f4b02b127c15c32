import { describe, expect, test } from 'vitest';

import { MEASURE_MS } from '../../src/session/pings.ts';
import type { MemoryLink } from './memory-link.ts';
import { TwoEnds } from './two-ends.ts';

/** 10 ms each way, unless a test says otherwise. */
function connected(): TwoEnds {
  const ends = new TwoEnds().open();
  ends.clock.advance(100);
  return ends;
}

function slowDown(links: readonly MemoryLink[], oneWayMs: number): void {
  for (const link of links) link.delayMs = oneWayMs;
}

describe('the round trip of a session', () => {
  test('is measured again while messages are sent', () => {
    const ends = connected();
    slowDown([ends.lowLink, ends.highLink], 50);
    expect(ends.low.session.rttMs).toBe(20);
    for (let i = 0; i < 100; i++) {
      ends.low.say('hello');
      ends.clock.advance(MEASURE_MS + 100);
    }
    expect(ends.low.session.rttMs).toBeGreaterThan(95);
  });

  test('is told with every sample', () => {
    const ends = connected();
    ends.clock.advance(MEASURE_MS);
    const before = ends.low.roundTrips.length;
    for (let i = 0; i < 3; i++) {
      ends.low.say('hello');
      ends.clock.advance(MEASURE_MS + 100);
    }
    expect(ends.low.roundTrips.slice(before)).toEqual([20, 20, 20]);
  });

  test('on another link is that of this link, at once', () => {
    const ends = connected();
    expect(ends.low.session.rttMs).toBe(20);
    ends.cut();
    ends.connect();
    slowDown([ends.lowLink, ends.highLink], 80);
    expect(ends.low.session.rttMs).toBeUndefined();
    ends.low.say('hello');
    ends.clock.advance(500);
    expect(ends.low.session.rttMs).toBeGreaterThanOrEqual(90);
  });

  test('is not that of a ping which left on the link before', async () => {
    const ends = connected();
    const waiting = ends.low.session.ping(10_000);
    ends.clock.advance(15);
    // The answer is under way; the link changes before it comes.
    ends.lowLink.fate = () => [];
    ends.low.session.setLink(ends.lowLink);
    ends.clock.advance(500);
    await expect(waiting).resolves.toBe(20);
    expect(ends.low.session.rttMs).toBeUndefined();
  });
});
