import { expect, test } from 'vitest';

import { PathCounters } from '../../../src/daemon/node/path-counters.ts';

test('what a peer calls its reasons makes no labels', () => {
  const counters = new PathCounters();
  for (let n = 0; n < 100; n++) {
    counters.failed({ code: `peer_reason${n}`, wasUp: n % 2 === 0 });
    counters.failed({ code: `link_${n}`, wasUp: true });
    counters.failed({ code: `code${n}`, wasUp: false });
  }
  counters.failed({ code: 'no_answer', wasUp: false });
  counters.failed({ code: 'constructor', wasUp: false });
  expect(Object.fromEntries(counters.attempts)).toEqual({
    ...{ ended_by_peer: 50, other: 101, no_answer: 1 },
  });
  expect(Object.fromEntries(counters.losses)).toEqual({ ended_by_peer: 50, link_closed: 100 });
});

test('a direct path is an attempt that succeeded', () => {
  const counters = new PathCounters();
  for (const kind of ['direct', 'relay', 'direct', undefined] as const) counters.changed(kind);
  expect(Object.fromEntries(counters.changes)).toEqual({ direct: 2, relay: 1, none: 1 });
  expect(Object.fromEntries(counters.attempts)).toEqual({ succeeded: 2 });
});
