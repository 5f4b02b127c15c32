import { finished } from 'node:stream/promises';

import { describeError, PilotError } from '../../base/pilot-error.ts';
import type { OfferedStream, PilotStream, StreamListener } from '../../client/client.ts';
import { keepAll } from '../ask-over-stream.ts';
import { bytesView, terminalText } from '../bytes-view.ts';
import { defineCommand } from '../command.ts';
import { Deadline } from '../deadline.ts';
import type { Io } from '../io.ts';
import { nodeText } from '../node-text.ts';
import { count, duration } from '../option.ts';
import { ownPort, readPort } from '../port-argument.ts';

const DEFAULT_TIMEOUT_MS = 30_000;

interface Received {
  readonly seq: number;
  /** Which port of ours it came to. */
  readonly port: number;
  readonly bytes?: number;
  readonly error?: string;
}

export const recv = defineCommand({
  args: { port: ownPort },
  options: {
    count: count('how many streams to take, one after another', { initial: 1, max: 100_000 }),
    timeout: duration('how long to wait for all of it (default 30s)'),
  },
  returns: 'messages[{seq, port, data, bytes, data_encoding, from, from_id | error}], timeout',
  details:
    'Takes streams of trusted nodes and reads each to its end. In text their bytes go to standard output as they are.\nWhen the time is up, what came is the result; its exit code is 0.\nIn text it is 1 when a stream broke: what was printed of that is not whole.',
  async run({ args, client, io, json, notice, options, signal: interrupted }) {
    const port = readPort(args.port);
    const deadline = new Deadline(options.timeout ?? DEFAULT_TIMEOUT_MS, interrupted);
    const { signal } = deadline;
    const messages: Received[] = [];
    try {
      const listener = await client.listen(port, { signal });
      const take = json ? kept : shown(io);
      await takeAll(listener, options.count, async (offer) => {
        messages.push(await received({ seq: messages.length, port }, offer, take));
      });
    } catch (error) {
      if (!deadline.isOver) throw error;
    } finally {
      deadline.end();
    }
    if (json) return { data: { messages, timeout: deadline.isOver } };
    for (const { seq, error } of messages) if (error !== undefined) notice(`${seq}: ${error}`);
    if (deadline.isOver) notice(`the time is up: ${messages.length} of ${options.count} came`);
    // Nothing in what was printed says that it is not whole.
    return { exitCode: messages.some(({ error }) => error !== undefined) ? 1 : 0 };
  },
});

/** Reads one stream to its end; gives what is to be told of it. */
type Take = (stream: PilotStream) => Promise<object>;

async function takeAll(
  listener: StreamListener,
  wanted: number,
  take: (offer: OfferedStream) => Promise<void>,
): Promise<void> {
  let taken = 0;
  for await (const offer of listener.offers()) {
    await take(offer);
    taken += 1;
    if (taken === wanted) return;
  }
}

async function received(
  known: Pick<Received, 'seq' | 'port'>,
  offer: OfferedStream,
  take: Take,
): Promise<Received> {
  try {
    const told = await take(await offer.accept());
    return { ...known, ...told, ...{ from: offer.from.address, from_id: offer.from.id } };
  } catch (error) {
    if (!(error instanceof PilotError)) throw error;
    return { ...known, error: `${nodeText(offer.from)}: ${describeError(error)}` };
  }
}

async function kept(stream: PilotStream): Promise<object> {
  const chunks: Buffer[] = [];
  keepAll(stream, chunks);
  stream.once('end', () => stream.end());
  await finished(stream);
  const bytes = Buffer.concat(chunks);
  return { ...bytesView('data', bytes), bytes: bytes.length };
}

function shown({ stdout }: Io): Take {
  return async (stream) => {
    // Not before: who types at the other end is told that nobody listens any more.
    stream.once('end', () => stream.end());
    const output = stdout.isTTY === true ? stream.pipe(terminalText()) : stream;
    output.pipe(stdout, { end: false });
    await finished(stream);
    if (output !== stream) await finished(output, { writable: false });
    return {};
  };
}
