import type { OutgoingMessage } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { outgoingView } from '../message-view.ts';
import { nodeText } from '../node-text.ts';
import { columns } from '../output.ts';

export const outbox = defineCommand({
  args: {},
  options: {},
  returns:
    'messages[{message_id, correlation_id, to, to_id, type, bytes, status, reason, attempts, reply_to, created_at, expires_at}], total',
  details: 'pilotctl outbox retry <id> tries one again now, pilotctl outbox drop <id> gives it up.',
  async run({ client, signal }) {
    const { messages, total } = await client.outbox({ signal });
    return {
      data: { messages: messages.map(outgoingView), total },
      text: messages.length === 0 ? 'everything is delivered' : columns(messages.map(row)),
    };
  },
});

function row(message: OutgoingMessage): string[] {
  return [
    message.message_id,
    nodeText(message.to),
    message.type,
    `${message.bytes} B`,
    message.status,
    message.reason,
  ];
}
