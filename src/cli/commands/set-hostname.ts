import { isHostname } from '../../base/hostname.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { defineCommand, required } from '../command.ts';

export const setHostname = defineCommand({
  args: { hostname: required('1 to 63 of lowercase letters, digits and inner hyphens') },
  options: {},
  returns: 'hostname, node_id, published',
  async run({ args, client, signal, wait }) {
    if (!isHostname(args.hostname)) {
      throw new PilotError('invalid_argument', `"${args.hostname}" is not a hostname`, {
        hint: 'use 1 to 63 lowercase letters, digits and inner hyphens',
      });
    }
    const data = await wait('publishing the name', client.setHostname(args.hostname, { signal }));
    const state = data.published ? '' : ' (kept; no relay has confirmed it yet)';
    return { data, text: `this node is called ${data.hostname}${state}` };
  },
});
