import { expect, test } from 'vitest';

import { endpointKey } from '../../src/ice/endpoint-key.ts';

test.each([
  ['::1', '0:0:0:0:0:0:0:1'],
  ['2001:DB8::1', '2001:db8:0::0001'],
  ['1.2.3.4', '::ffff:1.2.3.4'],
  ['1.2.3.4', '::ffff:102:304'],
  ['fe80::1%eth0', 'fe80::1'],
])('%s is %s', (a, b) => {
  expect(endpointKey({ host: a, port: 7 })).toBe(endpointKey({ host: b, port: 7 }));
});

test.each([
  ['1.2.3.4', '1.2.3.5'],
  ['::1', '::2'],
  ['localhost', 'localhost.'],
])('%s is not %s', (a, b) => {
  expect(endpointKey({ host: a, port: 7 })).not.toBe(endpointKey({ host: b, port: 7 }));
});

test('the port counts', () => {
  expect(endpointKey({ host: '::1', port: 7 })).not.toBe(endpointKey({ host: '::1', port: 8 }));
});
