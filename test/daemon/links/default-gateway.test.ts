import { expect, test } from 'vitest';

import { defaultGateway, parseRoutes } from '../../../src/daemon/links/default-gateway.ts';

const HEAD =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';

test.each([
  ['one', 'eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n', '192.168.2.1'],
  [
    'the one of the lower metric',
    'wlan0\t00000000\t0100000A\t0003\t0\t0\t600\t00000000\t0\t0\t0\n' +
      'eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n',
    '192.168.2.1',
  ],
  [
    'none for a network of our own',
    'eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    undefined,
  ],
  [
    'none for a tunnel without gateway',
    'tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0',
    undefined,
  ],
  ['none', '', undefined],
  ['none in rubbish', 'a b c\n\u0000\n', undefined],
])('%s', (_, routes, gateway) => {
  expect(parseRoutes(HEAD + routes)).toBe(gateway);
});

test('a system without that file has none that we know', async () => {
  expect(await defaultGateway('/nowhere/route')).toBeUndefined();
});
