import fc from 'fast-check';
import { expect, test } from 'vitest';

import { nearestName } from '../../src/base/nearest.ts';

const COMMANDS = ['handshake', 'inbox', 'info', 'peers', 'ping'];

test.each([
  ['handshke', 'handshake'],
  ['hanshakee', 'handshake'],
  ['INFO', 'info'],
  ['imbox', 'inbox'],
  ['pong', 'ping'],
  ['peer', 'peers'],
  ['banana', undefined],
  ['', undefined],
  ['x', undefined],
])('%j probably meant %s', (name, meant) => {
  expect(nearestName(name, COMMANDS)).toBe(meant);
});

test('nothing known, nothing near', () => {
  expect(nearestName('info', [])).toBeUndefined();
});

test('a known name is nearest to itself', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1 }), (names) => {
      for (const name of names) expect(nearestName(name, names)).toBe(name);
    }),
  );
});
