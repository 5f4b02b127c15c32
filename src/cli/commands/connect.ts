import { finished } from 'node:stream/promises';

import type { PilotStream } from '../../client/client.ts';
import {
  answerOutcome,
  askOverStream,
  DEFAULT_TIMEOUT_MS,
  MAX_KEPT_BYTES,
  type Question,
  STILL_OPEN,
} from '../ask-over-stream.ts';
import { terminalText } from '../bytes-view.ts';
import { defineCommand, target } from '../command.ts';
import { type Io, readAll } from '../io.ts';
import { duration, text } from '../option.ts';
import { optionalPort, readPort } from '../port-argument.ts';

const DEFAULT_PORT = '1000';

export const connect = defineCommand({
  args: { target, port: optionalPort },
  options: {
    message: text('TEXT', 'send this and print the answer; without it standard input goes there'),
    timeout: duration('how long to wait for the other side (default 30s)'),
  },
  returns: 'target, port, sent, response, timeout [, sent_encoding, response_encoding]',
  details:
    'Without --message standard input and output are the stream: it ends when both halves have ended,\nat a terminal when the other half has, and --timeout is for the connecting alone.\nWith --json standard input is read to its end first.',
  async run({ args, client, io, json, notice, options, signal, wait }) {
    const port = readPort(args.port ?? DEFAULT_PORT);
    const { message, timeout: timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const label = `waiting for ${args.target}`;
    if (message === undefined && !json) {
      const dialling = client.dial(args.target, port, { signal, timeoutMs });
      await carry(await wait(label, dialling), io);
      return {};
    }
    const question: Question = {
      ...{ target: args.target, port, timeoutMs },
      message: message === undefined ? await allOf(io) : Buffer.from(message),
    };
    const answer = await wait(label, askOverStream(client, question, signal));
    if (answer.timeout) notice(STILL_OPEN);
    return answerOutcome(question, answer);
  },
});

async function allOf({ stdin, signal }: Io): Promise<Uint8Array> {
  const hint = 'without --json it is sent as it comes, however much it is';
  return readAll(stdin, { maxBytes: MAX_KEPT_BYTES, what: 'standard input', signal, hint });
}

/** Standard input and output become the two halves of the stream. */
async function carry(stream: PilotStream, { stdin, stdout }: Io): Promise<void> {
  const isTerminal = stdin.isTTY === true;
  stdin.once('error', (error) => stream.destroy(error));
  // Somebody types who cannot know that nobody listens.
  if (isTerminal) stream.once('end', () => stream.end());
  stdin.pipe(stream);
  const shown = stdout.isTTY === true ? stream.pipe(terminalText()) : stream;
  shown.pipe(stdout, { end: false });
  try {
    await finished(stream);
    // The last bytes have left the stream, but maybe not what makes them fit for a terminal.
    if (shown !== stream) await finished(shown, { writable: false });
  } finally {
    stdin.unpipe(stream);
    stdin.pause();
  }
}
