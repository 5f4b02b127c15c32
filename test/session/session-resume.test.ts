import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { PACKET } from '../../src/session/packet.ts';
import { MAX_RESEND_FRAMES } from '../../src/session/resend-queue.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type Fate, MemoryLink } from './memory-link.ts';
import { type End, TwoEnds } from './two-ends.ts';

const sealed = (link: MemoryLink): number =>
  link.sent.filter((packet) => packet[0] === PACKET.sealed).length;

describe('resume', () => {
  test('what was under way when the link was cut goes out on the next one', () => {
    const ends = new TwoEnds().open();
    ends.low.say('one');
    ends.clock.advance(15);
    ends.low.say('two');
    ends.high.say('zwei');
    ends.cut();
    ends.low.say('three');
    ends.clock.advance(3000);
    ends.connect();
    ends.clock.advance(100);
    expect(ends.high.messages).toEqual(['one', 'two', 'three']);
    expect(ends.low.messages).toEqual(['zwei']);
  });

  test('a change to a faster link, with the old one still delivering, loses and doubles nothing', () => {
    const ends = new TwoEnds();
    ends.connect(200);
    ends.open();
    ends.clock.advance(1000);
    const said: string[] = [];
    for (let i = 0; i < 50; i++) {
      said.push(String(i));
      ends.low.say(String(i));
      ends.clock.advance(5);
      if (i === 20) ends.connect(10);
    }
    ends.clock.advance(1000);
    expect(ends.high.messages).toEqual(said);
  });

  test('frames that a living link swallows are asked for when a later one arrives', () => {
    const ends = new TwoEnds().open();
    ends.lowLink.fate = () => [];
    ends.low.say('lost');
    ends.lowLink.fate = (packet) => [packet];
    ends.low.say('found');
    ends.clock.advance(100);
    expect(ends.high.messages).toEqual(['lost', 'found']);
    expect(ends.high.drops('out_of_order')).toBe(1);
  });

  test('a request for them that is lost too is repeated half a second later', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(1000);
    ends.lowLink.fate = () => [];
    ends.low.say('0');
    ends.lowLink.fate = (packet) => [packet];
    const startMs = ends.clock.monotonic();
    const requests: number[] = [];
    ends.highLink.fate = (packet) => {
      requests.push(ends.clock.monotonic() - startMs);
      return requests.length === 1 ? [] : [packet];
    };
    for (let i = 1; i < 5; i++) ends.low.say(String(i));
    ends.clock.advance(1000);
    expect(requests.slice(0, 2)).toEqual([10, 510]);
    expect(ends.high.messages).toEqual(['0', '1', '2', '3', '4']);
  });

  test('new frames do not overtake those that have to go out again', () => {
    const ends = new TwoEnds().open();
    for (let i = 0; i < 5; i++) ends.low.say(String(i));
    ends.cut();
    ends.clock.advance(100);
    ends.connect();
    for (let i = 5; i < 10; i++) ends.low.say(String(i));
    ends.clock.advance(100);
    expect(ends.high.messages.map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(ends.high.drops('out_of_order') + ends.high.drops('duplicate_frame')).toBe(0);
  });

  test('a swallowed last frame is found after 2 s of silence', () => {
    const ends = new TwoEnds().open();
    ends.lowLink.fate = () => [];
    ends.low.say('lost');
    ends.lowLink.fate = (packet) => [packet];
    ends.clock.advance(1999);
    expect(ends.high.messages).toEqual([]);
    ends.clock.advance(50);
    expect(ends.high.messages).toEqual(['lost']);
  });

  test('questions into silence come after 2, 4, 8 and 16 s', () => {
    const ends = new TwoEnds({ settings: { linkGraceMs: 1e9 } }).open();
    const asked: number[] = [];
    const startMs = ends.clock.monotonic();
    ends.low.say('hello');
    ends.lowLink.fate = (packet) => {
      if (packet[0] === PACKET.sealed) asked.push(ends.clock.monotonic() - startMs);
      return [];
    };
    ends.highLink.fate = () => [];
    ends.clock.advance(15_000);
    expect(asked).toEqual([2000, 6000, 14_000]);
  });

  test('a peer that only one side has a new link to is asked, and answers', () => {
    const ends = new TwoEnds().open();
    ends.high.say('lost');
    ends.highLink.cut();
    ends.highLink = new MemoryLink(ends.clock, 10, () => ends.low.session);
    ends.high.session.setLink(ends.highLink);
    ends.clock.advance(100);
    expect(ends.low.messages).toEqual(['lost']);
  });
});

describe('acknowledgements', () => {
  test('of many frames share one packet, 20 ms later', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(100);
    const before = sealed(ends.highLink);
    for (let i = 0; i < 10; i++) ends.low.say(String(i));
    ends.clock.advance(29);
    expect(sealed(ends.highLink) - before).toBe(0);
    ends.clock.advance(1);
    expect(sealed(ends.highLink) - before).toBe(1);
  });

  test('go out at once after 32 frames', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(100);
    const before = sealed(ends.highLink);
    for (let i = 0; i < 32; i++) ends.low.say(String(i));
    ends.clock.advance(10);
    expect(sealed(ends.highLink) - before).toBe(1);
  });

  test('ride on a frame that goes the other way', () => {
    const ends = new TwoEnds().open();
    ends.clock.advance(100);
    ends.high.onMessage = () => {
      ends.high.say('answer');
    };
    const before = sealed(ends.highLink);
    ends.low.say('question');
    ends.clock.advance(200);
    expect(ends.low.messages).toEqual(['answer']);
    expect(sealed(ends.highLink) - before).toBe(1);
  });
});

describe('back-pressure', () => {
  test('send says no when the window is full, and writable tells when there is room', () => {
    const ends = new TwoEnds().open();
    let taken = 0;
    while (ends.low.say('x')) taken += 1;
    expect(taken).toBe(MAX_RESEND_FRAMES);
    expect(ends.low.events).not.toContain('writable');
    ends.clock.advance(100);
    expect(ends.low.events.filter((event) => event === 'writable')).toHaveLength(1);
    expect(ends.high.messages).toHaveLength(MAX_RESEND_FRAMES);
    expect(ends.low.say('more')).toBe(true);
  });

  test('an owner that ends the session when there is room leaves no timer behind', () => {
    const ends = new TwoEnds().open();
    let sent = 0;
    ends.lowLink.fate = (packet) => (sent++ < 600 ? [packet] : []);
    ends.highLink.fate = () => [];
    while (ends.low.say('x'));
    ends.clock.advance(100);
    ends.cut();
    ends.low.writable = () => {
      ends.low.session.close();
    };
    ends.connect();
    ends.clock.advance(100);
    expect(ends.low.events).toContain('closed: local');
    ends.high.session.close();
    ends.clock.advance(60_000);
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test("the peer's window counts, and one frame may always go", () => {
    const ends = new TwoEnds({ settings: { receiveWindowBytes: 10 } }).open();
    expect(ends.low.say('longer than ten bytes')).toBe(true);
    expect(ends.low.say('x')).toBe(false);
    ends.clock.advance(100);
    expect(ends.low.say('x')).toBe(true);
  });
});

/** Does to a packet what bad links do: nothing mostly, else loses, doubles, or damages it. */
function badLuck(random: () => number, badness: number): Fate {
  return (packet) => {
    if (random() >= badness) return [packet];
    const kind = random();
    if (kind < 0.6) return [];
    if (kind < 0.9) return [packet, packet];
    const damaged = Uint8Array.from(packet);
    const at = Math.floor(random() * damaged.length);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    return [damaged];
  };
}

interface Script {
  readonly seed: number;
  readonly badness: number;
  readonly steps: readonly { readonly kind: string; readonly amount: number }[];
}

class Storm {
  readonly ends: TwoEnds;
  readonly said: Record<'low' | 'high', string[]> = { low: [], high: [] };
  readonly #random: () => number;
  readonly #badness: number;

  constructor({ seed, badness }: Script) {
    const bytes = seededRandom(seed);
    this.#random = () => new DataView(bytes(4).buffer).getUint32(0) / 2 ** 32;
    this.#badness = badness;
    this.ends = new TwoEnds({ seed, settings: { linkGraceMs: 1e9, rekeyAfterPackets: 40 } }).open();
  }

  step(kind: string, amount: number): void {
    const { ends } = this;
    switch (kind) {
      case 'low':
      case 'high':
        for (let i = 0; i <= amount % 40; i++) this.#say(kind);
        break;
      case 'wait':
        ends.clock.advance(amount);
        break;
      case 'cut':
        ends.cut();
        break;
      case 'cutOneSide':
        ends.lowLink.cut();
        ends.low.session.setLink(undefined);
        break;
      default:
        ends.connect(1 + (amount % 300));
        ends.lowLink.fate = badLuck(this.#random, this.#badness);
        ends.highLink.fate = badLuck(this.#random, this.#badness);
    }
  }

  #say(who: 'low' | 'high'): void {
    const words = `${who} ${this.said[who].length} ${'x'.repeat(Math.floor(this.#random() * 200))}`;
    const end: End = this.ends[who];
    if (end.say(words)) this.said[who].push(words);
  }
}

test('links are cut, swapped, reordered, lose, double and damage: every frame arrives once and in order', () => {
  const step = fc.record({
    kind: fc.constantFrom('low', 'high', 'low', 'high', 'wait', 'swap', 'cut', 'cutOneSide'),
    amount: fc.integer({ min: 0, max: 1500 }),
  });
  const script: fc.Arbitrary<Script> = fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 31 }),
    badness: fc.constantFrom(0, 0.02, 0.2),
    steps: fc.array(step, { minLength: 1, maxLength: 25 }),
  });
  fc.assert(
    fc.property(script, (run) => {
      const storm = new Storm(run);
      for (const { kind, amount } of run.steps) storm.step(kind, amount);
      storm.ends.connect(10);
      storm.ends.clock.advance(60_000);
      const { low, high } = storm.ends;
      expect(low.events.concat(high.events).filter((event) => event.startsWith('closed'))).toEqual(
        [],
      );
      expect(high.messages).toEqual(storm.said.low);
      expect(low.messages).toEqual(storm.said.high);
    }),
    { numRuns: 40 },
  );
}, 60_000);
