import { expect, test } from 'vitest';

import { proxiesIn } from '../../../src/daemon/netcheck/net-proxies.ts';

test.each([
  ['none', {}, []],
  ['empty', { HTTPS_PROXY: ' ' }, []],
  [
    'upper and lower case, without credentials',
    {
      HTTPS_PROXY: 'http://user:secret@proxy.test:3128/',
      all_proxy: 'socks5://[2001:db8::1]:1080',
    },
    [
      { variable: 'HTTPS_PROXY', proxy: 'http://proxy.test:3128' },
      { variable: 'all_proxy', proxy: 'socks5://[2001:db8::1]:1080' },
    ],
  ],
  [
    'without a scheme',
    { http_proxy: 'user:secret@proxy.test:3128' },
    [{ variable: 'http_proxy', proxy: 'http://proxy.test:3128' }],
  ],
  ['rubbish', { HTTP_PROXY: 'http://[' }, [{ variable: 'HTTP_PROXY', proxy: 'not a URL' }]],
])('%s', (_name, env, proxies) => {
  expect(proxiesIn(env)).toEqual(proxies);
});
