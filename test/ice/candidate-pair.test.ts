import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Candidate } from '../../src/ice/candidate.ts';
import { CandidatePair, pairKey, pairPriority } from '../../src/ice/candidate-pair.ts';

test.each([
  // RFC 8445, 6.1.2.3: 2^32*MIN(G,D) + 2*MAX(G,D) + (G>D?1:0)
  [1, 1, 4_294_967_298n],
  [2, 1, 4_294_967_301n],
  [1, 2, 4_294_967_300n],
  [2_130_706_431, 1_694_498_815, 7_277_816_997_797_167_103n],
  [1_694_498_815, 2_130_706_431, 7_277_816_997_797_167_102n],
])('the priority of %i and %i', (controlling, controlled, priority) => {
  expect(pairPriority(controlling, controlled)).toBe(priority);
});

test('both sides give a pair the same priority, and the worse candidate weighs more', () => {
  const priority = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(priority, priority, priority, (a, b, c) => {
      const local = { base: 'v4', family: 'v4', foundation: 'a' } as const;
      const remote = (value: number): Candidate => ({
        kind: 'host',
        endpoint: { host: '10.0.0.1', port: 1 },
        priority: value,
        foundation: 'b',
      });
      const ours = new CandidatePair({ ...local, priority: a }, remote(b));
      const theirs = new CandidatePair({ ...local, priority: b }, remote(a));
      expect(ours.priorityAs('controlling')).toBe(theirs.priorityAs('controlled'));
      if (Math.min(a, b) > Math.min(a, c)) {
        expect(pairPriority(a, b) > pairPriority(a, c)).toBe(true);
      }
    }),
  );
});

test('the key knows one endpoint by all its names', () => {
  const plain = pairKey('v4', { host: '10.0.0.1', port: 1 });
  expect(pairKey('v4', { host: '::ffff:10.0.0.1', port: 1 })).toBe(plain);
  expect(pairKey('punch-1', { host: '10.0.0.1', port: 1 })).not.toBe(plain);
});
