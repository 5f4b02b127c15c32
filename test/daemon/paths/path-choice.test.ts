import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  choosePath,
  type PathFacts,
  SILENT_AFTER_MS,
} from '../../../src/daemon/paths/path-choice.ts';

const facts = (id: string, more: Partial<PathFacts> = {}): PathFacts => ({
  id,
  kind: 'direct',
  isLan: false,
  rttMs: 20,
  loss: 0,
  silentMs: 0,
  isDistrusted: false,
  ...more,
});
const relay = (more: Partial<PathFacts> = {}): PathFacts =>
  facts('relay', { kind: 'relay', ...more });
const ANY = { mayRelay: true };

describe('of these paths, with this one in use, that one is chosen', () => {
  const wan = facts('wan');
  const lan = facts('lan', { isLan: true });
  test.each<[string, PathFacts[], string | undefined, string | undefined, string]>([
    ['none', [], undefined, undefined, 'there is none'],
    ['the relay alone', [relay()], undefined, 'relay', 'the only one'],
    ['direct before relay', [relay(), wan], 'relay', 'wan', 'direct'],
    [
      'also a slower one',
      [relay({ rttMs: 5 }), facts('wan', { rttMs: 60 })],
      'relay',
      'wan',
      'direct',
    ],
    ['LAN before WAN', [wan, relay(), lan], 'wan', 'lan', 'in the same network'],
    ['and not back', [wan, relay(), lan], 'lan', 'lan', 'still the best'],
    ['WebRTC before relay', [relay(), facts('rtc', { kind: 'webrtc' })], 'relay', 'rtc', 'direct'],
    ['faster by much', [facts('a', { rttMs: 40 }), facts('b', { rttMs: 20 })], 'a', 'b', 'faster'],
    [
      'not by 5 ms',
      [facts('a', { rttMs: 10 }), facts('b', { rttMs: 5 })],
      'a',
      'a',
      'still the best',
    ],
    [
      'not by a tenth',
      [facts('a', { rttMs: 200 }), facts('b', { rttMs: 180 })],
      'a',
      'a',
      'still the best',
    ],
    [
      'not unmeasured',
      [facts('a', { rttMs: 200 }), facts('b', { rttMs: undefined })],
      'a',
      'a',
      'still the best',
    ],
    [
      'silent direct',
      [relay(), facts('wan', { silentMs: SILENT_AFTER_MS })],
      'wan',
      'relay',
      'the other is silent',
    ],
    [
      'a little silent',
      [relay(), facts('wan', { silentMs: SILENT_AFTER_MS - 1 })],
      'wan',
      'wan',
      'still the best',
    ],
    [
      'direct that loses',
      [relay(), facts('wan', { loss: 0.4 })],
      'wan',
      'relay',
      'the other loses packets',
    ],
    ['a little', [relay(), facts('wan', { loss: 0.15 })], 'wan', 'wan', 'still the best'],
    [
      'no return while it loses',
      [relay(), facts('wan', { loss: 0.15 })],
      'relay',
      'relay',
      'still the best',
    ],
    ['return when it does not', [relay(), facts('wan', { loss: 0.05 })], 'relay', 'wan', 'direct'],
    [
      'not one that is distrusted',
      [relay(), facts('wan', { isDistrusted: true })],
      'relay',
      'relay',
      'still the best',
    ],
    [
      'one that is distrusted when nothing else works',
      [relay({ silentMs: 9000 }), facts('wan', { isDistrusted: true })],
      'relay',
      'wan',
      'direct',
    ],
    [
      'all silent: the better kind',
      [relay({ silentMs: 9000 }), facts('wan', { silentMs: 9000 })],
      'relay',
      'wan',
      'direct',
    ],
    ['one that is gone', [relay()], 'wan', 'relay', 'the only one'],
  ])('%s', (...row) => {
    const [, paths, current, id, reason] = row;
    const chosen = choosePath(paths, current, ANY);
    expect([chosen.path?.id, chosen.reason]).toEqual([id, reason]);
    const reversed = choosePath([...paths].reverse(), current, ANY);
    expect(reversed.path?.id).toBe(id);
  });

  test('without the relay', () => {
    const never = { mayRelay: false };
    expect(choosePath([relay(), wan], undefined, never).path).toBe(wan);
    expect(choosePath([relay()], 'relay', never)).toEqual({
      path: undefined,
      reason: 'there is only a relay, which is not allowed',
    });
    const silent = facts('wan', { silentMs: 60_000 });
    expect(choosePath([relay(), silent], 'wan', never).path).toBe(silent);
  });
});

const anyPath = fc.record({
  id: fc.uuid(),
  kind: fc.constantFrom('direct', 'webrtc', 'relay'),
  isLan: fc.boolean(),
  rttMs: fc.option(fc.nat(500), { nil: undefined }),
  loss: fc.double({ min: 0, max: 1, noNaN: true }),
  silentMs: fc.nat(10_000),
  isDistrusted: fc.boolean(),
} satisfies Record<keyof PathFacts, unknown>);

test('whatever was measured: a choice stands until something else is measured', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyPath, { selector: ({ id }) => id, maxLength: 6 }),
      fc.boolean(),
      (paths, mayRelay) => {
        let current: string | undefined;
        const seen: (string | undefined)[] = [];
        for (let i = 0; i <= paths.length + 1; i++) {
          current = choosePath(paths, current, { mayRelay }).path?.id;
          seen.push(current);
        }
        expect(choosePath(paths, current, { mayRelay }).path?.id).toBe(current);
        expect(seen.at(-1)).toBe(seen.at(-2));
      },
    ),
  );
});
