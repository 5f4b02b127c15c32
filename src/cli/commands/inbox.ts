import { PilotError } from '../../base/pilot-error.ts';
import type { InboxQuery, IncomingMessage } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { followInbox } from '../follow-inbox.ts';
import { incomingView } from '../message-view.ts';
import { nodeText } from '../node-text.ts';
import { count, text, toggle } from '../option.ts';
import { columns } from '../output.ts';
import { oneLine } from '../printable.ts';

const TIME = 'TIME|DURATION';

export const inbox = defineCommand({
  args: {},
  options: {
    follow: toggle('print unread messages, then each new one, as a line INBOUND: <payload>'),
    peek: toggle('with --follow: leave them unread'),
    unread: toggle('only unread messages'),
    full: toggle('whole payloads instead of previews'),
    limit: count('how many to list', { initial: 10, max: 100_000 }),
    latest: toggle('only the newest'),
    from: text('TARGET', 'only from this node'),
    since: text(TIME, 'only what came after a time, or in the last 1h'),
    clear: toggle('delete messages'),
    before: text(TIME, 'with --clear: only what came before a time, or more than 1h ago'),
  },
  returns:
    'messages[{id, from, received_at, type, bytes, preview | data, message_id, reply_to, correlation_id, read, …}], total, shown, dir; with --clear: cleared, remaining; with --follow: one such message per line, without an envelope',
  details:
    'pilotctl inbox read <id> prints one message.\nA followed message is one line: in text, line ends are written \\n and other control characters\n\\u00XX; bytes are base64; --json has them exactly. It is marked as read once it is written, so that\na restart goes on where it stopped. Following goes on when the daemon restarts.',
  async run(call) {
    const { client, io, json, notice, options, paths, signal } = call;
    const { from, since, before } = options;
    if (options.clear) {
      const data = await client.clearInbox({ signal, ...(before !== undefined && { before }) });
      return { data, text: `${data.cleared} deleted, ${data.remaining} left` };
    }
    if (before !== undefined) {
      throw new PilotError('invalid_argument', '--before goes with --clear only', {
        hint: '--since TIME lists what came after a time',
      });
    }
    const filter: InboxQuery = {
      ...(from !== undefined && { from }),
      ...(since !== undefined && { since }),
    };
    if (options.follow) {
      await followInbox({ client, io, json, filter, markRead: !options.peek, notice });
      return {};
    }
    const { full, unread } = options;
    const limit = options.latest ? 1 : options.limit;
    const query = { ...filter, limit, ...(full && { full }), ...(unread && { unread }) };
    const { messages, total, shown } = await client.inbox(query, { signal });
    return {
      data: { messages: messages.map(incomingView), total, shown, dir: paths.data },
      text: textOf(messages, total),
    };
  },
});

function textOf(messages: readonly IncomingMessage[], total: number): string {
  if (messages.length === 0) return total === 0 ? 'no messages' : `none of ${total} messages`;
  const rows = messages.map((message) => [
    message.read ? ' ' : '*',
    message.received_at.replace(/\.\d+/, ''),
    nodeText(message.from),
    message.type,
    `${message.bytes} B`,
    message.id,
    contentOf(message),
  ]);
  const more = total - messages.length;
  return `${columns(rows)}${more > 0 ? `\nand ${more} older: --limit N` : ''}`;
}

function contentOf({ type, preview, data }: IncomingMessage): string {
  return type === 'binary' ? '(binary)' : oneLine(data ?? preview ?? '');
}
