import fc from 'fast-check';
import { expect, test } from 'vitest';

import { formatDuration, parseDuration } from '../../src/base/duration.ts';

test.each([
  ['30s', 30_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['7d', 604_800_000],
  ['1d12h', 129_600_000],
  ['250ms', 250],
  ['1m1ms', 60_001],
  ['500us', 0.5],
  ['500µs', 0.5],
  ['1000000ns', 1],
  ['0', 0],
  ['0s', 0],
  ['5', 5_000],
  ['0.25', 250],
  [' 30s ', 30_000],
])('%j is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBeCloseTo(ms, 9);
});

test.each([
  ...['', ' ', 's', '-1s', '+1s', '1 s', '1m 30s', '1x', '1w', '1e3', '1.', '.5', '1.s', '.5s'],
  ...['1,5s', '1S', '0x10', 'Infinity', 'NaN', '9'.repeat(400), `${'9'.repeat(400)}h`],
])('%j is none', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test('arbitrary text gives a finite count of milliseconds or nothing', () => {
  const piece = fc.constantFrom('1', '0', '.', 's', 'm', 'ms', 'h', 'd', 'µs', ' ', '-');
  const built = fc.array(piece).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string(), built), (text) => {
      const ms = parseDuration(text) ?? 0;
      expect(Number.isFinite(ms) && ms >= 0).toBe(true);
    }),
  );
});

test.each([
  [0, '0 ms'],
  [0.4, '0 ms'],
  [850, '850 ms'],
  [999.6, '1 s'],
  [12_000, '12 s'],
  [59_499, '59 s'],
  [59_500, '1 m'],
  [185_000, '3 m 5 s'],
  [3_599_600, '1 h'],
  [7_800_000, '2 h 10 m'],
  [7_859_000, '2 h 10 m'],
  [86_399_600, '1 d'],
  [356_400_000, '4 d 3 h'],
])('%d ms for people: %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
