import { PilotError } from '../../base/pilot-error.ts';
import {
  answerOutcome,
  askOverStream,
  MAX_KEPT_BYTES,
  type Question,
  STILL_OPEN,
} from '../ask-over-stream.ts';
import { defineCommand, target } from '../command.ts';
import { type Io, readAll } from '../io.ts';
import { duration, text } from '../option.ts';
import { port, readPort } from '../port-argument.ts';

export const send = defineCommand({
  args: { target, port },
  options: {
    data: text('TEXT', 'what to send; - reads it from standard input'),
    timeout: duration('how long to wait for the answer to end (default 30s)'),
  },
  returns: 'target, port, sent, response, timeout [, sent_encoding, response_encoding]',
  details:
    'Opens a stream, sends, and prints what comes back until the other side ends it.\nFor messages that wait for a node that is away: pilotctl send-message.',
  async run({ args, client, io, notice, options, signal, wait }) {
    const question: Question = {
      ...{ target: args.target, port: readPort(args.port), timeoutMs: options.timeout },
      message: await dataOf(options.data, io),
    };
    const answer = await wait(
      `waiting for ${args.target}`,
      askOverStream(client, question, signal),
    );
    if (answer.timeout) notice(STILL_OPEN);
    return answerOutcome(question, answer);
  },
});

/** What `--data` gives, for commands that cannot do without. */
export async function dataOf(data: string | undefined, io: Io): Promise<Uint8Array> {
  if (data === undefined) {
    throw new PilotError('invalid_argument', 'there is nothing to send', {
      hint: '--data TEXT, or --data - for standard input',
    });
  }
  if (data !== '-') return Buffer.from(data);
  const limits = { maxBytes: MAX_KEPT_BYTES, what: 'standard input', signal: io.signal };
  return readAll(io.stdin, { ...limits, hint: 'more goes with: pilotctl connect' });
}
