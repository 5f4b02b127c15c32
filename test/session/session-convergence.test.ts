import fc from 'fast-check';
import { expect, test } from 'vitest';

import { seededRandom } from '../support/seeded-random.ts';
import type { Fate } from './memory-link.ts';
import { TwoEnds } from './two-ends.ts';

const step = fc.record({
  kind: fc.constantFrom(
    'openLow',
    'openHigh',
    'openBoth',
    'say',
    'wait',
    'swap',
    'restart',
    'play',
  ),
  amount: fc.integer({ min: 0, max: 400 }),
});

/** Loses and doubles one packet in ten. */
function unreliable(seed: number): Fate {
  const random = seededRandom(seed);
  return (packet) => {
    const [luck = 0] = random(1);
    if (luck < 13) return [];
    return luck < 26 ? [packet, packet] : [packet];
  };
}

function take(ends: TwoEnds, { kind, amount }: { kind: string; amount: number }): void {
  switch (kind) {
    case 'openLow':
      ends.low.session.open();
      break;
    case 'openHigh':
      ends.high.session.open();
      break;
    case 'openBoth':
      ends.low.session.open();
      ends.high.session.open();
      break;
    case 'say':
      ends.low.say('x');
      ends.high.say('x');
      break;
    case 'swap':
      ends.connect(1 + amount);
      ends.lowLink.fate = unreliable(amount + 1);
      ends.highLink.fate = unreliable(amount + 2);
      break;
    case 'restart':
      ends.restartLow();
      break;
    case 'play': {
      const packet = ends.lowLink.sent[amount % (ends.lowLink.sent.length + 1)];
      if (packet !== undefined) ends.high.session.receive(Uint8Array.from(packet));
      break;
    }
    default:
      ends.clock.advance(amount);
  }
}

test('however two ends open, restart and lose packets, they end up in one session', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      (steps, seed) => {
        const ends = new TwoEnds({ seed });
        for (const one of steps) {
          take(ends, one);
          ends.clock.advance(7);
        }
        ends.connect(10);
        // Owners with something to say: they open again whenever they find their session idle.
        for (let i = 0; i < 60; i++) {
          ends.low.session.open();
          ends.high.session.open();
          ends.low.say('to high');
          ends.high.say('to low');
          ends.clock.advance(1000);
        }
        const { low, high } = ends;
        expect([low.session.state, high.session.state]).toEqual(['open', 'open']);
        const counts = [low.messages.length, high.messages.length];
        low.say('at last, to high');
        high.say('at last, to low');
        ends.clock.advance(100);
        expect(low.messages.slice(counts[0])).toEqual(['at last, to low']);
        expect(high.messages.slice(counts[1])).toEqual(['at last, to high']);
      },
    ),
    { numRuns: 30 },
  );
}, 60_000);
