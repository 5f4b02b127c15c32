import { describe, expect, test } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { MAX_EARLY_BYTES } from '../../src/session/initiator.ts';
import { PACKET } from '../../src/session/packet.ts';
import { TwoEnds } from './two-ends.ts';

const ofType = (type: number) => (packet: Uint8Array) => packet[0] === type;
const isInitiation = ofType(PACKET.initiation);
const lose = (type: number, times: number) => {
  let left = times;
  return (packet: Uint8Array): Uint8Array[] => (packet[0] === type && left-- > 0 ? [] : [packet]);
};

describe('opening', () => {
  test('one round trip opens both ends, and frames flow', () => {
    const { low, high, clock } = new TwoEnds();
    low.session.open();
    expect(low.session.state).toBe('opening');
    clock.advance(20);
    expect(low.events).toEqual(['opened']);
    clock.advance(10);
    expect(high.events).toEqual(['opened']);
    expect(low.say('hello')).toBe(true);
    expect(high.say('hello back')).toBe(true);
    clock.advance(10);
    expect(high.messages).toEqual(['hello']);
    expect(low.messages).toEqual(['hello back']);
    expect(low.session.rttMs).toBeCloseTo(20);
  });

  test('early data reaches admit before the answer goes out', () => {
    const { low, high, clock, highLink } = new TwoEnds();
    low.session.open([utf8('one'), utf8('two')]);
    clock.advance(10);
    expect(high.early).toEqual([['one', 'two']]);
    expect(highLink.sent).toHaveLength(1);
    clock.advance(20);
    expect(low.events).toEqual(['opened, early delivered']);
  });

  test('early data that does not fit is refused at once', () => {
    const { low } = new TwoEnds();
    const tooLarge = [new Uint8Array(MAX_EARLY_BYTES)];
    expect(() => {
      low.session.open(tooLarge);
    }).toThrow(expect.objectContaining({ code: 'invalid_argument' }) as Error);
    expect(low.session.state).toBe('idle');
  });

  test.each(['trust_required', 'pending', 'rate_limited'])('refused with %s', (code) => {
    const { low, high, clock } = new TwoEnds();
    high.verdict = { accept: false, code };
    low.session.open([utf8('please')]);
    clock.advance(100);
    expect(low.events).toEqual([`refused: ${code}`]);
    expect([low.session.state, high.session.state]).toEqual(['idle', 'idle']);
    expect(high.events).toEqual([]);

    high.verdict = { accept: true };
    low.session.open();
    clock.advance(100);
    expect(low.session.state).toBe('open');
  });

  test('nothing goes out before the session is open', () => {
    const { low, high, clock } = new TwoEnds();
    expect(low.say('too early')).toBe(false);
    low.session.open();
    expect(low.say('too early')).toBe(false);
    expect(low.session.sendDatagram(utf8('too early'))).toBe(false);
    clock.advance(100);
    expect(high.messages).toEqual([]);
  });

  test('message 1 is sent after 0, 1 and 3 s, and given up after 5', () => {
    const { low, clock, lowLink } = new TwoEnds();
    lowLink.fate = () => [];
    low.session.open();
    const counts = [0, 999, 1, 1999, 1, 1999].map((ms) => {
      clock.advance(ms);
      return lowLink.sent.filter(isInitiation).length;
    });
    expect(counts).toEqual([1, 1, 2, 2, 3, 3]);
    expect(low.session.state).toBe('opening');
    clock.advance(1);
    expect(low.events).toEqual(['closed: handshake_timeout']);
    expect(low.session.state).toBe('idle');
    expect(clock.pendingTimers).toBe(0);
  });

  test('an opening that waits for its link goes out when there is one', () => {
    const ends = new TwoEnds();
    ends.cut();
    ends.low.session.open();
    ends.clock.advance(500);
    ends.connect();
    ends.clock.advance(100);
    expect(ends.low.session.state).toBe('open');
    expect(ends.high.session.state).toBe('open');
  });

  test.each([
    ['message 1', 'lowLink', PACKET.initiation],
    ['message 2', 'highLink', PACKET.response],
    ['the first sealed packet', 'lowLink', PACKET.sealed],
  ] as const)('survives the loss of %s', (_what, side, type) => {
    const ends = new TwoEnds();
    ends[side].fate = lose(type, 1);
    ends.low.session.open([utf8('early')]);
    ends.clock.advance(2500);
    expect(ends.low.events).toEqual(['opened, early delivered']);
    expect(ends.high.events).toEqual(['opened']);
    expect(ends.high.early).toEqual([['early']]);
  });
});

test("an error of the owner's own is the owner's, not the peer's", () => {
  const { low, high, clock } = new TwoEnds().open();
  high.onMessage = () => {
    throw new WireError('what the owner decodes');
  };
  low.say('one');
  expect(() => {
    clock.advance(10);
  }).toThrow('what the owner decodes');
  high.onMessage = () => undefined;
  low.say('two');
  clock.advance(100);
  expect(high.messages).toEqual(['one', 'two']);
  expect(high.session.state).toBe('open');
});

describe('both open at once', () => {
  function openBoth(ends: TwoEnds): void {
    ends.low.session.open([utf8('from low')]);
    ends.high.session.open([utf8('from high')]);
  }

  function expectOneSession({ low, high, clock }: TwoEnds): void {
    expect([low.session.state, high.session.state]).toEqual(['open', 'open']);
    const before = [low.messages.length, high.messages.length];
    low.say('to high');
    high.say('to low');
    clock.advance(20);
    expect(low.messages.slice(before[0])).toEqual(['to low']);
    expect(high.messages.slice(before[1])).toEqual(['to high']);
  }

  test('the lower first key wins', () => {
    const ends = new TwoEnds();
    openBoth(ends);
    ends.clock.advance(100);
    expect(ends.low.events).toEqual(['opened, early delivered']);
    expect(ends.high.events).toEqual(['opened']);
    expect(ends.high.early).toEqual([['from low']]);
    expect(ends.low.early).toEqual([]);
    expect(ends.low.drops('simultaneous')).toBe(1);
    expectOneSession(ends);
  });

  test.each([
    ['lowLink', PACKET.initiation],
    ['highLink', PACKET.initiation],
    ['lowLink', PACKET.sealed],
    ['highLink', PACKET.response],
    ['lowLink', PACKET.response],
  ] as const)('also when %s loses a packet of type %i', (side, type) => {
    const ends = new TwoEnds();
    ends[side].fate = lose(type, 1);
    openBoth(ends);
    ends.clock.advance(5000);
    expectOneSession(ends);
  });

  test('a refusal by the lower key leaves the other one its own try', () => {
    const ends = new TwoEnds();
    ends.high.verdict = { accept: false, code: 'busy' };
    openBoth(ends);
    ends.clock.advance(2000);
    expect(ends.low.events).toEqual(['refused: busy', 'opened']);
    expect(ends.high.events).toEqual(['opened, early delivered']);
    expectOneSession(ends);
  });

  test('opening while an answer of ours is unconfirmed leads to one session', () => {
    const ends = new TwoEnds();
    ends.high.session.open([utf8('from high')]);
    ends.clock.advance(10);
    ends.low.session.open([utf8('from low')]);
    ends.clock.advance(200);
    expectOneSession(ends);
  });
});

test('two sessions that open at the same moment end as one', () => {
  const ends = new TwoEnds();
  const { low, high, clock } = ends;
  const held: Uint8Array[] = [];
  const hold = (packet: Uint8Array): Uint8Array[] => {
    held.push(Uint8Array.from(packet));
    return [];
  };
  // low answers high's initiation, but the answer is late; so low begins too, and is answered.
  ends.highLink.fate = (packet) => [packet];
  ends.lowLink.fate = (packet) => (packet[0] === PACKET.initiation ? [packet] : hold(packet));
  high.session.open();
  clock.advance(15);
  low.session.open();
  clock.advance(25);
  expect([low.session.state, high.session.state]).toEqual(['open', 'opening']);
  const [answer, confirmation] = held;
  if (answer === undefined || confirmation === undefined) throw new Error('nothing was held back');
  ends.lowLink.fate = (packet) => [packet];
  high.session.receive(answer);
  expect(high.session.state).toBe('open');
  clock.advance(15); // high's confirmation is with low
  high.session.receive(confirmation);
  clock.advance(100);
  expect(low.events).toEqual(['opened']);
  expect(high.events).toEqual(['opened', 'closed: replaced', 'opened']);
  low.say('to high');
  high.say('to low');
  clock.advance(20);
  expect([low.messages, high.messages]).toEqual([['to low'], ['to high']]);
});

describe('closing', () => {
  test('tells the peer, and ends this object for good', () => {
    const { low, high, clock } = new TwoEnds().open();
    low.session.close();
    clock.advance(20);
    expect(low.events).toEqual(['opened', 'closed: local']);
    expect(high.events).toEqual(['opened', 'closed: peer_closed']);
    expect([low.session.state, high.session.state]).toEqual(['closed', 'idle']);

    low.session.open();
    high.session.open();
    clock.advance(10_000);
    expect(low.session.state).toBe('closed');
    expect(low.drops('closed')).toBeGreaterThan(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('the peer of a closed session may open again', () => {
    const ends = new TwoEnds().open();
    ends.low.session.close();
    ends.clock.advance(20);
    const again = ends.restartLow();
    ends.high.session.open();
    ends.clock.advance(100);
    expect(again.session.state).toBe('open');
    expect(ends.high.events).toEqual(['opened', 'closed: peer_closed', 'opened']);
  });

  test('lets what was said before go out first', () => {
    const turns: (() => void)[] = [];
    const ends = new TwoEnds({ defer: (run) => turns.push(run) });
    const endTurn = (): void => {
      for (const run of turns.splice(0)) run();
    };
    ends.low.session.open();
    for (let i = 0; i < 10; i++) {
      ends.clock.advance(10);
      endTurn();
    }
    const before = ends.lowLink.sent.length;
    ends.low.say('one');
    ends.low.say('two');
    expect(ends.lowLink.sent).toHaveLength(before);
    ends.low.session.close();
    endTurn();
    expect(ends.lowLink.sent).toHaveLength(before + 1);
    ends.clock.advance(10);
    expect(ends.high.messages).toEqual(['one', 'two']);
    expect(ends.high.events.at(-1)).toBe('closed: peer_closed');
  });

  test('may come from within every callback', () => {
    const { low, high, clock } = new TwoEnds().open();
    high.onMessage = () => {
      high.session.close();
    };
    low.say('one');
    low.say('two');
    clock.advance(100);
    expect(high.messages).toEqual(['one']);
    expect(high.session.state).toBe('closed');
    expect(low.events).toContain('closed: peer_closed');
  });
});
