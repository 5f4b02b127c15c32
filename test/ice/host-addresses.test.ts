import { expect, test } from 'vitest';

import { hostAddresses, MAX_HOST_ADDRESSES } from '../../src/ice/host-addresses.ts';

const hosts = (...addresses: readonly [name: string, address: string][]): string[] =>
  hostAddresses(addresses.map(([name, address]) => ({ name, address }))).map(({ host }) => host);

test('what others cannot reach is left out', () => {
  expect(
    hosts(
      ['lo', '127.0.0.1'],
      ['lo', '::1'],
      ['eth0', '192.168.1.7'],
      ['eth0', '2001:db8::7'],
      ['eth0', 'fe80::7%eth0'],
      ['eth0', 'fd00::7'],
      ['wlan0', '169.254.3.4'],
      ['wlan0', '224.0.0.1'],
      ['odd', 'no address'],
    ),
  ).toEqual(['192.168.1.7', '2001:db8::7', 'fd00::7']);
});

test('loopback counts when several hosts are on one machine', () => {
  const lo = [{ name: 'lo', address: '127.0.0.1' }];
  expect(hostAddresses(lo, { allowLoopback: true })).toEqual([
    { host: '127.0.0.1', family: 'v4', interfaceIndex: 0 },
  ]);
});

test('an interface with many addresses leaves room for the others', () => {
  const many = Array.from({ length: 50 }, (_, i) => ({
    name: 'eth0',
    address: `2001:db8::${(i + 1).toString(16)}`,
  }));
  const found = hostAddresses([
    ...many,
    { name: 'eth0', address: '10.0.0.2' },
    { name: 'wlan0', address: '10.1.0.2' },
  ]);
  expect(found).toHaveLength(MAX_HOST_ADDRESSES);
  expect(found.slice(0, 3)).toEqual([
    { host: '2001:db8::1', family: 'v6', interfaceIndex: 0 },
    { host: '10.0.0.2', family: 'v4', interfaceIndex: 0 },
    { host: '10.1.0.2', family: 'v4', interfaceIndex: 1 },
  ]);
});

test('bridges of containers come last', () => {
  expect(hosts(['docker0', '172.17.0.1'], ['br-1f', '172.18.0.1'], ['eth0', '10.0.0.2'])).toEqual([
    '10.0.0.2',
    '172.17.0.1',
    '172.18.0.1',
  ]);
});
