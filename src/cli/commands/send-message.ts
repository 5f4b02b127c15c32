import { formatDuration } from '../../base/duration.ts';
import { ERROR_CODES, PilotError } from '../../base/pilot-error.ts';
import type { SendMessageReply } from '../../client/client.ts';
import { newMessageId } from '../../client/message-id.ts';
import { defineCommand, target } from '../command.ts';
import { incomingView, payloadOutput } from '../message-view.ts';
import { nodeText } from '../node-text.ts';
import { choice, duration, text } from '../option.ts';
import { readPayload } from '../payload-input.ts';

/** How long to wait for the receiver, or a relay, to have it on disk before we say `queued`. */
const CONFIRM_MS = 5000;
const MAX_EXPIRY_MS = 30 * 86_400_000;

export const sendMessage = defineCommand({
  args: { target },
  options: {
    data: text('TEXT', 'the payload; - reads it from standard input'),
    dataFile: text('FILE', 'a file with the payload', { isFile: true }),
    type: choice(['text', 'json', 'binary'], 'what the payload is (default text)'),
    wait: duration('wait for a reply, 30s if not said; prints the reply alone', { bare: '30s' }),
    replyTo: text('ID', 'the message that this one answers'),
    expires: duration('give up when it is undelivered after this long', {
      maxMs: MAX_EXPIRY_MS,
    }),
  },
  returns:
    'target, to, type, bytes, seq, ack, message_id, correlation_id, status (delivered, stored, sent, queued), reply_to [, reply, reply_after_ms]',
  details:
    'delivered: the receiver has it on disk. stored: a relay keeps it for the receiver.\nqueued: it goes out when a relay can be reached. Each survives a crash.',
  async run({ args, client, io, options, signal, wait }) {
    const payload = await readPayload(options, options.type ?? 'text', io);
    const messageId = newMessageId();
    const { wait: waitMs, replyTo, expires } = options;
    const sending = client.sendMessage(
      {
        target: args.target,
        ...payload,
        message_id: messageId,
        ...(replyTo !== undefined && { reply_to: replyTo }),
        ...(expires !== undefined && { expires_ms: expires }),
        ...(waitMs === undefined ? { confirm_ms: CONFIRM_MS } : { wait_ms: waitMs }),
      },
      { signal },
    );
    const label = waitMs === undefined ? `sending to ${args.target}` : `waiting for ${args.target}`;
    const sent = await wait(label, sending).catch((error: unknown) => {
      throw waitMs === undefined ? error : noReply(error, args.target, waitMs);
    });
    if (sent.status === 'dead') throw undeliverable(sent);
    return {
      data: dataOf(args.target, sent),
      text: sent.reply ? payloadOutput(sent.reply, io.stdout.isTTY === true) : sentence(sent),
    };
  },
});

function dataOf(target: string, sent: SendMessageReply): object {
  const { type, bytes, status, message_id, correlation_id, reply_to, reply, reply_after_ms } = sent;
  return {
    target,
    ...{ to: sent.to.address, to_id: sent.to.id, type, bytes, seq: 1 },
    ack: status === 'delivered' ? `ACK ${type.toUpperCase()} ${bytes} bytes` : '',
    ...{ message_id, correlation_id, status, reply_to },
    ...(reply && { reply: incomingView(reply), reply_after_ms }),
  };
}

function sentence(sent: SendMessageReply): string {
  const who = nodeText(sent.to);
  const about = `${sent.bytes} bytes, message ${sent.message_id}`;
  switch (sent.status) {
    case 'delivered':
      return `delivered to ${who}: ${about}`;
    case 'stored':
      return `stored: a relay keeps it for ${who}: ${about}`;
    case 'sent':
      return `sent to ${who}, not confirmed yet: ${about}`;
    case 'queued':
    case 'dead':
      return `queued for ${who}${sent.reason === '' ? '' : ` (${sent.reason})`}: ${about}`;
  }
}

function noReply(error: unknown, target: string, waitMs: number): unknown {
  if (!(error instanceof PilotError) || error.code !== 'timeout') return error;
  return new PilotError('timeout', `no reply from ${target} within ${formatDuration(waitMs)}`, {
    hint: 'the message stays on its way (pilotctl outbox); a late reply goes to: pilotctl inbox',
    cause: error,
  });
}

function undeliverable({ to, reason, message_id: id }: SendMessageReply): PilotError {
  const code = ERROR_CODES.find((known) => reason.includes(known)) ?? 'unavailable';
  return new PilotError(code, `not delivered to ${nodeText(to)}: ${reason}`, {
    hint: `try it again: pilotctl outbox retry ${id}`,
  });
}
