import { describeError } from '../../base/pilot-error.ts';
import { type MessageType, type ServeFailure, TypedPayload } from '../../client/client.ts';
import { defineCommand, rest } from '../command.ts';
import { requireProgram, runHandler } from '../handler-process.ts';
import { choice, count, duration } from '../option.ts';
import { jsonText } from '../output.ts';
import { oneLine } from '../printable.ts';
import { stayConnected } from '../stay-connected.ts';

const DEFAULT_TIMEOUT_MS = 60_000;

export const serve = defineCommand({
  args: { command: rest('a program and its arguments, after --') },
  options: {
    concurrency: count('how many run at once', { initial: 4, max: 64 }),
    timeout: duration('how long one may take (default 60s)'),
    attempts: count('how often a failing one is tried', { initial: 3, max: 100 }),
    replyType: choice(['text', 'json', 'binary'], 'what the output is (default text)'),
  },
  returns: 'nothing; it runs until it is interrupted',
  details:
    'The payload is on standard input; PILOT_MESSAGE_ID, PILOT_CORRELATION_ID, PILOT_FROM_ID,\nPILOT_FROM_ADDRESS, PILOT_FROM_HOSTNAME and PILOT_TYPE are in the environment. What the program\nwrites to standard output is the reply, without its last line end; nothing: no reply. With\n--reply-type json, output that is not JSON goes as text. When the program fails nothing is sent and\nthe message stays unread. Messages that are replies are left to the inbox.',
  async run({ args, client, io, json, notice, options, signal }) {
    const [command = '', ...commandArgs] = args.command;
    await requireProgram(command, io.env);
    const settings = {
      command,
      args: commandArgs,
      env: io.env,
      timeoutMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
      stderr: io.stderr,
    };
    const replyType = options.replyType ?? 'text';
    await stayConnected(
      async (connected) =>
        client.serve(
          async (message, { signal: stop }) =>
            replyOf(await runHandler(message, settings, stop), replyType),
          {
            signal,
            concurrency: options.concurrency,
            attempts: options.attempts,
            onReady: connected,
            onFailure: (failure) => {
              io.stderr.write(failureLine(failure, json));
            },
          },
        ),
      { signal, notice },
    );
    return {};
  },
});

function replyOf(output: Buffer, type: MessageType): TypedPayload | undefined {
  if (output.length === 0) return undefined;
  if (type === 'binary') return new TypedPayload(type, output);
  const end = output.at(-1) !== 0x0a ? 0 : output.at(-2) === 0x0d ? 2 : 1;
  const bytes = output.subarray(0, output.length - end);
  return new TypedPayload(type === 'json' && isJson(bytes) ? 'json' : 'text', bytes);
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

function failureLine({ message, error, attempt, retryInMs }: ServeFailure, json: boolean): string {
  const { id } = message;
  const reason = describeError(error);
  if (json)
    return `${jsonText({ message_id: id, error: reason, attempt, retry_in_ms: retryInMs })}\n`;
  const next = retryInMs === undefined ? 'left unread' : `again in ${retryInMs / 1000} s`;
  return `error: message ${oneLine(id)}, attempt ${attempt}: ${oneLine(reason)}; ${next}\n`;
}
