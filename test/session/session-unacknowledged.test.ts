import { describe, expect, test } from 'vitest';

import { TwoEnds } from './two-ends.ts';

const LOSE = (): Uint8Array[] => [];

describe('what the peer has not acknowledged when a session ends is its owner’s again', () => {
  test('all of it, in order, and nothing that was acknowledged', () => {
    const ends = new TwoEnds().open();
    ends.low.say('there');
    ends.clock.advance(100);
    ends.lowLink.fate = LOSE;
    ends.low.say('lost');
    ends.low.say('lost too');
    ends.low.session.close();
    expect(ends.low.events).toEqual(['opened', 'closed: local']);
    expect(ends.low.unacknowledged).toEqual(['lost', 'lost too']);
    expect(ends.high.messages).toEqual(['there']);
  });

  test('also when the peer begins anew, before the new session opens', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(100);
    ends.highLink.fate = LOSE;
    ends.high.say('to one that is gone');
    ends.highLink.fate = (packet) => [packet];
    ends.restartLow();
    ends.low.session.open();
    ends.clock.advance(100);
    expect(ends.high.events).toEqual(['opened', 'closed: replaced', 'opened']);
    expect(ends.high.unacknowledged).toEqual(['to one that is gone']);
    expect(ends.low.messages).toEqual([]);
  });

  test('nothing, when there was nothing', () => {
    const ends = new TwoEnds().open();
    ends.low.say('there');
    ends.clock.advance(100);
    ends.high.session.close();
    ends.clock.advance(100);
    expect([...ends.low.unacknowledged, ...ends.high.unacknowledged]).toEqual([]);
  });
});
