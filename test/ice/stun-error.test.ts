import { expect, test } from 'vitest';

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { encodeBindingError, encodeUnknownAttributes } from '../../src/ice/stun-error.ts';
import { decodeStunMessage } from '../../src/ice/stun-message.ts';

const ID = fromHex('000102030405060708090a0b');
const HEAD = '2112a442000102030405060708090a0b';

test('487 in 28 bytes', () => {
  const bytes = encodeBindingError(ID, 487);
  expect(toHex(bytes)).toBe(`01110008${HEAD}0009000400000457`);
  expect(decodeStunMessage(bytes)).toMatchObject({
    class: 'error',
    transactionId: ID,
    errorCode: { code: 487, reason: '' },
  });
});

test('420 names what was not understood', () => {
  const bytes = encodeUnknownAttributes(ID, [3, 0x7001, 2]);
  expect(toHex(bytes)).toBe(`01110014${HEAD}0009000400000414` + `000a0006000370010002` + `0000`);
  expect(decodeStunMessage(bytes).errorCode?.code).toBe(420);
});

test('a transaction id of another length is refused', () => {
  expect(() => encodeBindingError(new Uint8Array(16), 400)).toThrow(RangeError);
});
