import { expect, test } from 'vitest';

import { configKeys, loadConfig } from '../../src/home/config.ts';
import { effectiveSettings } from '../../src/home/effective-settings.ts';

const nowhere = { env: {}, defaultFile: '/nonexistent/config.yaml' };

const shown = (sources: Partial<Parameters<typeof loadConfig>[0]>): Map<string, object> =>
  new Map(
    effectiveSettings(loadConfig({ ...nowhere, ...sources })).map(({ key, ...rest }) => [
      key,
      rest,
    ]),
  );

test('all settings are there, with their origins', () => {
  const settings = shown({
    flags: { 'node.hostname': 'alpha' },
    env: { PILOT_LOG_LEVEL: 'debug' },
  });
  expect([...settings.keys()]).toEqual(configKeys().map(({ key }) => key));
  expect(settings.get('node.hostname')).toEqual({ value: 'alpha', origin: 'flag' });
  expect(settings.get('trust.auto_approve')).toEqual({ value: false, origin: 'default' });
});

test('a duration reads as the file would have it', () => {
  const settings = shown({ flags: { 'messaging.expiry': '36h' } });
  expect(settings.get('messaging.expiry')).toEqual({ value: '1d12h', origin: 'flag' });
});

test('of a secret it shows that there is one', () => {
  const key = 'protocol.connection.relay_token';
  expect(shown({}).get(key)).toEqual({ value: '', origin: 'default' });
  const settings = shown({ env: { PILOT_TOKEN: 'hush' } });
  expect(settings.get(key)).toEqual({ value: '[secret]', origin: 'environment' });
});
