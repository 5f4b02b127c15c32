import { expect, test } from 'vitest';

import { isHostname } from '../../src/base/hostname.ts';

test.each([...['a', '0', 'alice', 'a-b', 'a--b', '9lives', 'a'.repeat(63), `a${'-'.repeat(61)}b`]])(
  '%s is one',
  (text) => {
    expect(isHostname(text)).toBe(true);
  },
);

test.each([
  ...['', '-', '-a', 'a-', 'A', 'a.b', 'a_b', 'a b', 'é', 'a\n', '\na', 'a\0', 'a'.repeat(64)],
  ...['ａ', 'а'], // fullwidth a, Cyrillic a
])('%j is none', (text) => {
  expect(isHostname(text)).toBe(false);
});
