import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import {
  deriveNodeNumber,
  formatAddress,
  nextNodeNumber,
  parseAddress,
} from '../../src/identity/address.ts';
import { seededRandom } from '../support/seeded-random.ts';

test.each([
  ['0:0000.0000.0005', { network: 0, node: 5 }],
  ['0:0000.A91F.7C2E', { network: 0, node: 0xa91f7c2e }],
  ['1:0001.0000.0005', { network: 1, node: 5 }],
  ['65535:FFFF.FFFF.FFFF', { network: 65535, node: 0xffffffff }],
])('%s', (text, address) => {
  expect(parseAddress(text)).toEqual(address);
  expect(formatAddress(address)).toBe(text);
});

test.each([
  ['0:0000.a91f.7c2e', '0:0000.A91F.7C2E'],
  ['0000:0000.0000.0010', '0:0000.0000.0010'],
  ['007:0007.0000.0010', '7:0007.0000.0010'],
])('%s is read, and printed as %s', (text, printed) => {
  expect(formatAddress(parseAddress(text))).toBe(printed);
});

const FORM = 'not of the form';
test.each([
  ['', FORM],
  ['0', FORM],
  ['0:A91F.7C2E', FORM],
  ['0:0000.0000.0000.0005', FORM],
  ['0:0000:0000.0005', FORM],
  ['0:000.0000.0005', FORM],
  ['0:0000.00000.0005', FORM],
  ['0:0000.0000.000G', FORM],
  ['+0:0000.0000.0005', FORM],
  ['-1:0000.0000.0005', FORM],
  ['0x0:0000.0000.0005', FORM],
  ['0_0:0000.0000.0005', FORM],
  [' 0:0000.0000.0005', FORM],
  ['0:0000.0000.0005\n', FORM],
  [':0000.0000.0005', FORM],
  ['0:0000.0000.0005:80', FORM],
  ['65536:0000.0000.0005', 'not in 0 to 65535'],
  ['99999999999999999999:0000.0000.0005', 'not in 0 to 65535'],
  ['0:0001.0000.0005', 'network mismatch'],
  ['0:A91F.0000.7C2E', 'network mismatch'],
  ['10:0010.0000.0005', 'network mismatch'],
])('refused: %j', (text, fault) => {
  expect(() => parseAddress(text)).toThrow(PilotError);
  expect(() => parseAddress(text)).toThrow(fault);
  try {
    parseAddress(text);
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_argument' });
    expect((error as PilotError).hint).toContain('0:0000.A91F.7C2E');
  }
});

test('format and parse are inverse', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.integer({ min: 0, max: 0xffffffff }), (network, node) => {
      expect(parseAddress(formatAddress({ network, node }))).toEqual({ network, node });
    }),
  );
});

test('the node number is the first 32 bits of a tagged SHA-256', () => {
  const random = seededRandom(7);
  for (let counter = 0; counter < 256; counter += 5) {
    const firstKey = random(32);
    const digest = createHash('sha256')
      .update('pilot/1 address\0')
      .update(firstKey)
      .update(Uint8Array.of(counter))
      .digest();
    expect(deriveNodeNumber(firstKey, counter)).toBe(digest.readUInt32BE());
  }
});

test.each([-1, 256, 0.5, Number.NaN])('%d is no counter', (counter) => {
  expect(() => deriveNodeNumber(new Uint8Array(32), counter)).toThrow(RangeError);
});

test('the next node number begins at the counter asked for and ends after the last', () => {
  const firstKey = seededRandom(8)(32);
  expect(nextNodeNumber(firstKey)).toEqual({ counter: 0, node: deriveNodeNumber(firstKey, 0) });
  expect(nextNodeNumber(firstKey, 255)).toEqual({
    counter: 255,
    node: deriveNodeNumber(firstKey, 255),
  });
  expect(nextNodeNumber(firstKey, 256)).toBeUndefined();
});
