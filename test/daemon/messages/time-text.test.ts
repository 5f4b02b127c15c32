import { expect, test } from 'vitest';

import { parseTime } from '../../../src/daemon/messages/time-text.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);

test.each([
  ['2026-01-31T12:00:00Z', NOW_MS],
  ['2026-01-31T14:00:00.5+02:00', NOW_MS + 500],
  ['2026-01-31', NOW_MS - 12 * 3_600_000],
  ['1h30m', NOW_MS - 5_400_000],
  ['90', NOW_MS - 90_000],
])('%s', (text, ms) => {
  expect(parseTime(text, NOW_MS)).toBe(ms);
});

test.each(['yesterday', '', '2026-13-45T00:00:00Z', '31.1.2026', '-1h'])('not %s', (text) => {
  expect(() => parseTime(text, NOW_MS)).toThrow('not a time');
});
