import { describe, expect, test } from 'vitest';

import { MAX_WAITING_ITEMS, PathItemQueue } from '../../../src/daemon/paths/path-item-queue.ts';
import type { PathItem } from '../../../src/daemon/paths/path-message.ts';

type Step = Exclude<PathItem['step'], 'punch' | 'channel'>;

function item(attempt: string, step: Step): PathItem {
  const head = { kind: 'path', attempt } as const;
  switch (step) {
    case 'offer':
    case 'answer': {
      const credentials = { ufrag: 'abcd', password: 'p'.repeat(22) };
      return { ...head, step, credentials, streamId: 7 };
    }
    case 'candidates':
      return { ...head, step, candidates: [], isLast: false };
    case 'end':
      return { ...head, step, reason: 'no_answer' };
  }
}

/** What waits after all of these were pushed, as `attempt step`. */
function waiting(...pushed: readonly (readonly [string, Step])[]): string[] {
  const queue = new PathItemQueue();
  for (const [attempt, step] of pushed) queue.push(item(attempt, step));
  const left: string[] = [];
  for (let { first } = queue; first !== undefined; { first } = queue) {
    left.push(`${first.attempt} ${first.step}`);
    queue.shift();
  }
  return left;
}

describe('what waits to be told', () => {
  test('of one attempt: everything, in order', () => {
    expect(waiting(['a', 'answer'], ['a', 'candidates'], ['a', 'candidates'])).toEqual([
      'a answer',
      'a candidates',
      'a candidates',
    ]);
  });

  test('a new attempt leaves the ends of those before', () => {
    const before = [
      ['a', 'end'],
      ['b', 'answer'],
      ['b', 'candidates'],
    ] as const;
    expect(waiting(...before, ['c', 'answer'])).toEqual(['a end', 'c answer']);
    expect(waiting(...before, ['c', 'offer'])).toEqual(['a end', 'c offer']);
  });

  test('an attempt that is over: its end, which a peer that waits for our answer needs', () => {
    expect(waiting(['a', 'answer'], ['a', 'candidates'], ['a', 'end'])).toEqual(['a end']);
  });

  test('nothing of one that the peer has not heard of', () => {
    expect(waiting(['a', 'offer'], ['a', 'candidates'], ['a', 'end'])).toEqual([]);
  });

  test('never more than the bound: the oldest goes', () => {
    const ends = Array.from({ length: 1000 }, (_, i) => [`${i}`, 'end'] as const);
    const left = waiting(...ends, ['last', 'answer']);
    expect(left).toHaveLength(MAX_WAITING_ITEMS);
    expect(left.at(-1)).toBe('last answer');
    expect(left[0]).toBe(`${1000 - MAX_WAITING_ITEMS + 1} end`);
  });
});
