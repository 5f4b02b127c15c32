import { defineCommand } from '../command.ts';
import { text } from '../option.ts';
import { readListen } from '../tunnel-text.ts';

export const proxyStart = defineCommand({
  args: {},
  options: {
    listen: text('ADDR', 'a port of 127.0.0.1, or ADDRESS:PORT (default 127.0.0.1:1080)'),
  },
  returns: 'running, listen, connections, error, warning',
  details:
    'HTTP, CONNECT and SOCKS5 (by hostname) on one port: curl --proxy http://127.0.0.1:1080 http://bob.pilot:3000/. It leads to trusted nodes only, and runs again after a restart.',
  async run({ client, notice, options, signal }) {
    const request = options.listen === undefined ? {} : { listen: readListen(options.listen) };
    const data = await client.tunnels.startProxy(request, { signal });
    if (data.warning !== '') notice(`warning: ${data.warning}`);
    return { data, text: `proxy on ${data.listen}` };
  },
});
