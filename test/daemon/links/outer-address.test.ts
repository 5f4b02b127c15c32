import { expect, test } from 'vitest';

import { isOuterAddress } from '../../../src/daemon/links/outer-address.ts';

test.each([
  ['203.0.113.7', true],
  ['172.32.0.1', true],
  ['100.128.0.1', true],
  ['11.0.0.1', true],
  ['10.1.2.3', false],
  ['172.31.255.255', false],
  ['192.168.1.1', false],
  ['100.64.0.1', false],
  ['127.0.0.1', false],
  ['0.0.0.0', false],
  ['255.255.255.255', false],
  ['gateway.example', false],
  ['', false],
])('%s: %s', (host, isOuter) => {
  expect(isOuterAddress({ host, port: 4711 })).toBe(isOuter);
});

test('nor is port 0', () => {
  expect(isOuterAddress({ host: '203.0.113.7', port: 0 })).toBe(false);
});
