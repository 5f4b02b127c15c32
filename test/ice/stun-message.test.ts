import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ByteWriter } from '../../src/base/byte-writer.ts';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import {
  decodeStunMessage,
  encodeBindingRequest,
  encodeBindingResponse,
} from '../../src/ice/stun-message.ts';

interface Vectors {
  readonly request: {
    readonly hex: string;
    readonly username: string;
    readonly priority: number;
    readonly iceControlled: string;
  };
  readonly responseIPv4: { readonly hex: string };
  readonly responseIPv6: { readonly hex: string };
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/stun-rfc5769.json', import.meta.url), 'utf8'),
) as Vectors;
const ID = fromHex('b7e7a701bc34d686fa87dfae');

describe('RFC 5769', () => {
  test('2.1 sample request', () => {
    const { hex, username, priority, iceControlled } = vectors.request;
    const message = decodeStunMessage(fromHex(hex));
    expect(message).toMatchObject({
      class: 'request',
      method: 1,
      transactionId: ID,
      username,
      priority,
      software: 'STUN test client',
      useCandidate: false,
      hasMessageIntegrity: true,
      hasFingerprint: true,
      unknownRequired: [],
    });
    expect(toHex(message.iceControlled ?? new Uint8Array())).toBe(iceControlled);
    expect(message.iceControlling).toBeUndefined();
  });

  test('2.2 sample IPv4 response', () => {
    expect(decodeStunMessage(fromHex(vectors.responseIPv4.hex))).toMatchObject({
      class: 'success',
      method: 1,
      transactionId: ID,
      xorMappedAddress: { host: '192.0.2.1', port: 32853 },
      mappedAddress: undefined,
      software: 'test vector',
    });
  });

  test('2.3 sample IPv6 response', () => {
    expect(decodeStunMessage(fromHex(vectors.responseIPv6.hex)).xorMappedAddress).toEqual({
      host: '2001:db8:1234:5678:11:2233:4455:6677',
      port: 32853,
    });
  });
});

describe('encode', () => {
  test('a Binding request is 20 bytes', () => {
    expect(toHex(encodeBindingRequest(ID))).toBe('000100002112a442b7e7a701bc34d686fa87dfae');
  });

  test('a Binding response to IPv4 is 32 bytes', () => {
    expect(toHex(encodeBindingResponse(ID, { host: '192.0.2.1', port: 32853 }))).toBe(
      '0101000c2112a442b7e7a701bc34d686fa87dfae002000080001a147e112a643',
    );
  });

  test('a Binding response to IPv6 is 44 bytes', () => {
    const host = '2001:db8:1234:5678:11:2233:4455:6677';
    expect(toHex(encodeBindingResponse(ID, { host, port: 32853 }))).toBe(
      '010100182112a442b7e7a701bc34d686fa87dfae002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9',
    );
  });

  test('with SOFTWARE', () => {
    const bytes = encodeBindingResponse(ID, { host: '192.0.2.1', port: 1 }, 'pilot');
    expect(decodeStunMessage(bytes).software).toBe('pilot');
  });

  test.each([
    ['a name', { host: 'localhost', port: 1 }],
    ['no host', { host: '', port: 1 }],
    ['port 0', { host: '192.0.2.1', port: 0 }],
    ['port 65536', { host: '192.0.2.1', port: 65_536 }],
  ])('%s is refused', (_, endpoint) => {
    expect(() => encodeBindingResponse(ID, endpoint)).toThrow(RangeError);
  });

  test.each([0, 11, 13, 16])('a transaction id of %i bytes is refused', (length) => {
    expect(() => encodeBindingRequest(new Uint8Array(length))).toThrow(RangeError);
  });

  test('any endpoint and back', () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.constantFrom('::', '::1', 'fe80::1', 'ffff::ffff', '1::2:3'),
    );
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        const bytes = encodeBindingResponse(ID, { host, port });
        expect(decodeStunMessage(bytes).xorMappedAddress).toEqual({ host, port });
      }),
    );
  });
});

describe('the type: class and method are interleaved (RFC 8489, figure 3)', () => {
  test.each([
    ['0001', 'request', 0x001],
    ['0011', 'indication', 0x001],
    ['0101', 'success', 0x001],
    ['0111', 'error', 0x001],
    ['0003', 'request', 0x003],
    ['3eef', 'request', 0xfff],
    ['3fff', 'error', 0xfff],
  ])('%s', (type, messageClass, method) => {
    expect(decodeStunMessage(raw(type))).toMatchObject({ class: messageClass, method });
  });
});

describe('attributes', () => {
  test.each([
    ['00000457', 487],
    ['00000300', 300],
    ['00000663', 699],
    ['fffffc01', 401],
  ])('ERROR-CODE %s is %i', (hex, code) => {
    const { errorCode } = decodeStunMessage(raw('0111', ['0009', hex]));
    expect(errorCode).toEqual({ code, reason: '' });
  });

  test('an error code with its reason', () => {
    const hex = `00000457${toHex(Buffer.from('Role Conflict'))}`;
    expect(decodeStunMessage(raw('0111', ['0009', hex])).errorCode).toEqual({
      code: 487,
      reason: 'Role Conflict',
    });
  });

  test('the first of two counts', () => {
    const bytes = raw('0101', ['8022', '6161'], ['8022', '6262']);
    expect(decodeStunMessage(bytes).software).toBe('aa');
  });

  test('what stands after MESSAGE-INTEGRITY does not count', () => {
    const bytes = raw('0001', ['0008', '00'.repeat(20)], ['0025', ''], ['7777', '']);
    expect(decodeStunMessage(bytes)).toMatchObject({ useCandidate: false, unknownRequired: [] });
    expect(decodeStunMessage(raw('0001', ['0025', ''])).useCandidate).toBe(true);
  });

  test('unknown ones are listed below 8000 and skipped above', () => {
    const bytes = raw('0001', ['0003', '00000006'], ['8777', '01'], ['7ffe', '']);
    expect(decodeStunMessage(bytes).unknownRequired).toEqual([0x0003, 0x7ffe]);
  });

  test('padding may be anything', () => {
    const bytes = fromHex(`0001000c2112a442${toHex(ID)}8022000161ffffff80220000`);
    expect(decodeStunMessage(bytes).software).toBe('a');
  });
});

describe('refused', () => {
  const id = toHex(ID);
  test.each([
    ['nothing', ''],
    ['a short header', `000100002112a442${id.slice(2)}`],
    ['another cookie', `000100002112a443${id}`],
    ['a first bit set', `800100002112a442${id}`],
    ['a second bit set', `400100002112a442${id}`],
    ['a length that is no multiple of 4', `000100022112a442${id}0000`],
    ['a length beyond the end', `000100042112a442${id}`],
    ['bytes after the length', `000100002112a442${id}80220000`],
    ['half an attribute header', `000100042112a442${id}8022000480220000`],
    ['a value beyond the end', `000100042112a442${id}80220001`],
    ['an address of family 1 without an address', `000100082112a442${id}0020000400011111`],
    ['an empty address', `000100042112a442${id}00200000`],
    ['port 0', toHex(raw('0101', ['0020', '00012112e112a643']))],
    ['MAPPED-ADDRESS with port 0', toHex(raw('0101', ['0001', '0001000001020304']))],
    ['a short PRIORITY', toHex(raw('0001', ['0024', '0102']))],
    ['a short tie-breaker', toHex(raw('0001', ['8029', '01020304']))],
    ['a short ERROR-CODE', toHex(raw('0111', ['0009', '0004']))],
    ['error class 2', toHex(raw('0111', ['0009', '00000200']))],
    ['error number 100', toHex(raw('0111', ['0009', '00000464']))],
    ['an attribute after FINGERPRINT', toHex(raw('0001', ['8028', '00000000'], ['8022', '']))],
    ['too long', toHex(raw('0001', ['8022', '00'.repeat(1500)]))],
  ])('%s', (_, hex) => {
    expect(() => decodeStunMessage(fromHex(hex))).toThrow(WireError);
  });
});

describe('fuzz: WireError only', () => {
  const survives = (bytes: Uint8Array): void => {
    try {
      decodeStunMessage(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(WireError);
    }
  };

  test('random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives));
  });

  test('random attributes of the known types in a right frame', () => {
    const type = fc.constantFrom(
      ...['0001', '0003', '0006', '0008', '0009', '000a', '000c', '0014', '0020', '0024'],
      ...['0025', '0027', '8022', '8023', '8028', '8029', '802a', '802b', 'c001', 'c057'],
    );
    const value = fc.uint8Array({ maxLength: 40 }).map(toHex);
    fc.assert(
      fc.property(fc.array(fc.tuple(type, value), { maxLength: 6 }), (attributes) => {
        survives(raw('0101', ...attributes));
      }),
      { numRuns: 1000 },
    );
  });

  test('the RFC vectors with a few bytes changed', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    const hex = fc.constantFrom(
      vectors.request.hex,
      vectors.responseIPv4.hex,
      vectors.responseIPv6.hex,
    );
    fc.assert(
      fc.property(hex, fc.array(change, { maxLength: 4 }), (original, changes) => {
        const bytes = fromHex(original);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        survives(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});

/** A message of attributes given as type and value in hex. */
function raw(type: string, ...attributes: readonly (readonly [string, string])[]): Uint8Array {
  const body = new ByteWriter();
  for (const [attribute, hex] of attributes) {
    const value = fromHex(hex);
    body.bytes(fromHex(attribute)).u16(value.length).bytes(value);
    body.bytes(new Uint8Array(-value.length & 3));
  }
  const bytes = body.finish();
  const header = new ByteWriter().bytes(fromHex(type)).u16(bytes.length).u32(0x2112a442);
  return header.bytes(ID).bytes(bytes).finish();
}
