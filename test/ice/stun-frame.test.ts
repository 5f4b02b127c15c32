import { expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { looksLikeStun, walkStun } from '../../src/ice/stun-frame.ts';

const ID = 'b7e7a701bc34d686fa87dfae';

test.each([
  ['a Binding request', `000100002112a442${ID}`, true],
  ['one that claims attributes', `000100082112a442${ID}`, true],
  ['19 bytes', `000100002112a442${ID.slice(2)}`, false],
  ['nothing', '', false],
  ['first bits not zero', `c00100002112a442${ID}`, false],
  ['no cookie (RFC 3489)', `0001000000000000${ID}`, false],
  ['an odd length', `000100032112a442${ID}`, false],
])('%s looks like STUN: %s', (_, hex, looks) => {
  expect(looksLikeStun(fromHex(hex))).toBe(looks);
});

test('the part that counts ends with MESSAGE-INTEGRITY and has a length of its own', () => {
  const integrity = `00080014${'11'.repeat(20)}`;
  const frame = walkStun(fromHex(`000100242112a442${ID}${integrity}0025000080280004aabbccdd`));
  expect(toHex(frame.authentic)).toBe(`000100182112a442${ID}${integrity}`);
  expect(frame.attributes.map(({ type, at }) => [type, at])).toEqual([
    [0x0008, 20],
    [0x8028, 48],
  ]);
});
