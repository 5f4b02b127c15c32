import fc from 'fast-check';
import { expect, test } from 'vitest';

import { formatEndpoint, parseEndpoint } from '../../src/base/endpoint.ts';

test.each([
  ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
  ['relay.example:7443', { host: 'relay.example', port: 7443 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['[fe80::1%eth0]:80', undefined],
  ['[::]:0', { host: '::', port: 0 }],
  [':3478', { host: '::', port: 3478 }],
  [' a:65535 ', { host: 'a', port: 65_535 }],
  ['a:00080', { host: 'a', port: 80 }],
])('%j', (text, endpoint) => {
  expect(parseEndpoint(text)).toEqual(endpoint);
});

test.each([
  ...['', 'a', 'a:', ':', 'a:b', 'a:65536', 'a:-1', 'a:1.5', '::1:80', '1:2:80', '[::1]', '[]:80'],
  ...['[::1:80', '::1]:80', 'a b:80', 'a:800000', '[a.example]:80'],
])('%j is none', (text) => {
  expect(parseEndpoint(text)).toBeUndefined();
});

test.each([
  [{ host: '127.0.0.1', port: 80 }, '127.0.0.1:80'],
  [{ host: '::1', port: 80 }, '[::1]:80'],
  [{ host: 'a', port: 0 }, 'a:0'],
])('%j is printed as %s', (endpoint, text) => {
  expect(formatEndpoint(endpoint)).toBe(text);
});

test('print and parse are inverse', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), fc.nat(65_535), (host, port) => {
      expect(parseEndpoint(formatEndpoint({ host, port }))).toEqual({ host, port });
    }),
  );
});
