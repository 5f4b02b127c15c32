import { defineCommand } from '../command.ts';

export const proxyStatus = defineCommand({
  args: {},
  options: {},
  returns: 'running, listen, connections, error, warning',
  async run({ client, signal }) {
    const data = await client.tunnels.proxy({ signal });
    const { running, listen, connections, error } = data;
    if (!running) return { data, text: 'the proxy does not run' };
    const text = `proxy on ${listen}, ${connections} open${error === '' ? '' : `\n${error}`}`;
    return { data, text };
  },
});
