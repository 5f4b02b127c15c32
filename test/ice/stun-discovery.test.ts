import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import {
  appendAddress,
  encodeChangeRequest,
  MAPPED_ADDRESS,
  OTHER_ADDRESS,
  readStunDiscovery,
  RESPONSE_ORIGIN,
} from '../../src/ice/stun-discovery.ts';
import {
  decodeStunMessage,
  encodeBindingRequest,
  encodeBindingResponse,
} from '../../src/ice/stun-message.ts';

const ID = fromHex('000102030405060708090a0b');
const HEAD = '2112a442000102030405060708090a0b';

describe('CHANGE-REQUEST (RFC 5780, 7.2)', () => {
  test.each([
    [{ address: false, port: false }, '00000000'],
    [{ address: false, port: true }, '00000002'],
    [{ address: true, port: false }, '00000004'],
    [{ address: true, port: true }, '00000006'],
  ])('%o is %s', (change, bits) => {
    const request = encodeChangeRequest(ID, change);
    expect(toHex(request)).toBe(`00010008${HEAD}00030004${bits}`);
    expect(readStunDiscovery(request).changeRequest).toEqual(change);
    expect(decodeStunMessage(request)).toMatchObject({ class: 'request', transactionId: ID });
  });

  test('a plain request has none', () => {
    expect(readStunDiscovery(encodeBindingRequest(ID))).toEqual({
      changeRequest: undefined,
      responseOrigin: undefined,
      otherAddress: undefined,
    });
  });
});

describe('addresses', () => {
  const origin = { host: '192.0.2.1', port: 3478 };
  const other = { host: '2001:db8::2', port: 3479 };
  const mapped = { host: '198.51.100.7', port: 4000 };
  const response = [
    [MAPPED_ADDRESS, mapped] as const,
    [RESPONSE_ORIGIN, origin] as const,
    [OTHER_ADDRESS, other] as const,
  ].reduce(
    (message, [type, endpoint]) => appendAddress(message, type, endpoint),
    encodeBindingResponse(ID, mapped),
  );

  test('stand in the form of MAPPED-ADDRESS behind the mapped one', () => {
    expect(toHex(response.slice(32))).toBe(
      '0001000800010fa0c6336407' +
        '802b000800010d96c0000201' +
        '802c001400020d9720010db8000000000000000000000002',
    );
  });

  test('are read again, here and as any STUN message', () => {
    expect(readStunDiscovery(response)).toMatchObject({
      responseOrigin: origin,
      otherAddress: other,
    });
    expect(decodeStunMessage(response)).toMatchObject({
      xorMappedAddress: mapped,
      mappedAddress: mapped,
      unknownRequired: [],
    });
  });

  test('a host by name is the caller’s mistake', () => {
    const named = { host: 'relay.example', port: 1 };
    expect(() => appendAddress(response, OTHER_ADDRESS, named)).toThrow(RangeError);
  });
});

describe('what is malformed', () => {
  test.each([
    ['a CHANGE-REQUEST of 3 bytes', '0003000300000000'],
    ['OTHER-ADDRESS of no family', '802c000800000d96c0000201'],
    ['IPv4 said to be IPv6', '802c000800020d96c0000201'],
    ['an address of 5 bytes', '802c000900010d96c00002010a000000'],
    ['port 0', '802b000800010000c0000201'],
    ['nothing', '802b0000'],
  ])('%s', (_, hex) => {
    const attribute = fromHex(hex);
    const head = fromHex(`0101${attribute.length.toString(16).padStart(4, '0')}${HEAD}`);
    expect(() => readStunDiscovery(concatBytes(head, attribute))).toThrow(WireError);
  });

  test('random attributes raise nothing else', () => {
    const type = fc.constantFrom('0003', '802b', '802c');
    fc.assert(
      fc.property(type, fc.uint8Array({ maxLength: 24 }), (attributeType, value) => {
        const padded = concatBytes(value, new Uint8Array(-value.length & 3));
        const hex = (length: number): string => length.toString(16).padStart(4, '0');
        const head = `0101${hex(padded.length + 4)}${HEAD}${attributeType}${hex(value.length)}`;
        try {
          readStunDiscovery(concatBytes(fromHex(head), padded));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
