import { isIPv4, isIPv6 } from 'node:net';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { networkOf, parseIpAddress, plainHost } from '../../src/base/ip-address.ts';

describe('parse', () => {
  test.each([
    ['192.0.2.1', 'c0000201'],
    ['0.0.0.0', '00000000'],
    ['255.255.255.255', 'ffffffff'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['1::', `0001${'00'.repeat(14)}`],
    ['2001:db8::7', `20010db8${'00'.repeat(11)}07`],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['FE80::ABCD%eth0', `fe80${'00'.repeat(12)}abcd`],
    ['64:ff9b::192.0.2.33', `0064ff9b${'00'.repeat(8)}c0000221`],
    ['::ffff:192.0.2.1', 'c0000201'],
    ['::ffff:c000:201', 'c0000201'],
  ])('%s', (text, hex) => {
    expect(toHex(parseIpAddress(text) ?? new Uint8Array())).toBe(hex);
  });

  test.each([
    ...['', 'localhost', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4 ', '1.2.3.-4'],
    ...[':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4::5:6:7:8', '12345::'],
    ...['g::', '1.2.3.4::', '::1.2.3', '::1.2.3.4:5', '1:2:3:4:5:6:7:1.2.3.4', '[::1]', ':1::'],
  ])('%j is none', (text) => {
    expect(parseIpAddress(text)).toBeUndefined();
  });

  test('any text: an address exactly where the system sees one', () => {
    const pieces = fc.constantFrom('0', '1', 'ffff', '255', '256', ':', '::', '.', '1.2.3.4', 'g');
    const built = fc.array(pieces, { maxLength: 17 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), built), (text) => {
        expect(parseIpAddress(text) !== undefined).toBe(isIPv4(text) || isIPv6(text));
      }),
      { numRuns: 5000 },
    );
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['relay.example', 'relay.example'],
])('%s as a plain host is %s', (host, plain) => {
  expect(plainHost(host)).toBe(plain);
});

test.each([
  ['192.0.2.77', 24, 'c0000200/24'],
  ['::ffff:192.0.2.77', 24, 'c0000200/24'],
  ['192.0.2.77', 25, 'c0000200/25'],
  ['192.0.2.177', 25, 'c0000280/25'],
  ['192.0.2.177', 32, 'c00002b1/32'],
  ['192.0.2.177', 0, '00000000/0'],
  ['not an address', 24, 'not an address'],
])('the network of %s with /%i is %s', (host, v4, network) => {
  expect(networkOf(host, { v4, v6: 56 })).toBe(network);
});

test('IPv6 networks are cut at their own length', () => {
  const bits = { v4: 24, v6: 56 };
  expect(networkOf('2001:db8:0:12ff::1', bits)).toBe(networkOf('2001:db8:0:1200::', bits));
  expect(networkOf('2001:db8:0:12ff::1', bits)).toBe('20010db8000012000000000000000000/56');
  expect(networkOf('fe80::1%eth0', bits)).toBe(networkOf('fe80::2%eth1', bits));
});
