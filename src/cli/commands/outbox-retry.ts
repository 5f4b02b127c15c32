import { defineCommand, required } from '../command.ts';
import { outgoingView } from '../message-view.ts';

export const outboxRetry = defineCommand({
  args: { id: required('the id of a message, as `pilotctl outbox` shows it') },
  options: {},
  returns: 'message_id, correlation_id, to, to_id, type, bytes, status, reason, attempts, …',
  async run({ args, client, signal }) {
    const message = await client.retryOutbox(args.id, { signal });
    const reason = message.reason === '' ? '' : ` (${message.reason})`;
    return {
      data: outgoingView(message),
      text: `${message.message_id}: ${message.status}${reason}`,
    };
  },
});
