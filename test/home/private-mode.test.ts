import { expect, test } from 'vitest';

import { shellQuoted } from '../../src/home/private-mode.ts';

test.each([
  ['/home/a/.pilot/identity.json', '/home/a/.pilot/identity.json'],
  ['/home/a b/x', "'/home/a b/x'"],
  ["/it's", "'/it'\\''s'"],
  ['$(reboot)', "'$(reboot)'"],
  ['', "''"],
])('%s is pasted as %s', (text, quoted) => {
  expect(shellQuoted(text)).toBe(quoted);
});
