import { defineCommand } from '../command.ts';
import { columns } from '../output.ts';

export const pending = defineCommand({
  args: {},
  options: {},
  returns: 'pending[{node_id, public_key, justification, received_at, id, address, hostname}]',
  async run({ client, signal }) {
    const requests = await client.pending({ signal });
    const rows = requests.map((request) => [
      request.address,
      request.hostname,
      new Date(request.received_at * 1000).toISOString(),
      request.id,
      request.justification,
    ]);
    const text = rows.length === 0 ? 'nobody asks for our trust' : columns(rows);
    return { data: { pending: requests }, text };
  },
});
