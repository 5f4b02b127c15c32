import { PilotError } from '../../base/pilot-error.ts';
import { defineCommand, required } from '../command.ts';

export const disconnect = defineCommand({
  args: { id: required('the number of a connection, of: pilotctl connections') },
  options: {},
  returns: 'conn_id',
  async run({ args, client, signal }) {
    if (!/^\d{1,9}$/.test(args.id)) {
      throw new PilotError('invalid_argument', `"${args.id}" is not the number of a connection`, {
        hint: 'see which there are: pilotctl connections',
      });
    }
    const data = await client.disconnect(Number(args.id), { signal });
    return { data, text: `disconnected: ${data.conn_id}` };
  },
});
