import { defineCommand, required } from '../command.ts';
import { incomingView, payloadOutput } from '../message-view.ts';
import { toggle } from '../option.ts';

export const inboxRead = defineCommand({
  args: { id: required('the id of a message, as `pilotctl inbox` shows it') },
  options: { peek: toggle('leave it unread') },
  returns:
    'id, from, received_at, type, bytes, data, message_id, reply_to, correlation_id, read, …',
  async run({ args, client, io, options, signal }) {
    const { peek } = options;
    const message = await client.readInbox(args.id, { signal, ...(peek && { peek }) });
    return {
      data: incomingView(message),
      text: payloadOutput(message, io.stdout.isTTY === true),
    };
  },
});
