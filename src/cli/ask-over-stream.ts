import { finished } from 'node:stream/promises';

import { formatDuration } from '../base/duration.ts';
import { PilotError } from '../base/pilot-error.ts';
import type { PilotClient, PilotStream } from '../client/client.ts';
import { bytesView } from './bytes-view.ts';
import type { Outcome } from './command.ts';
import { Deadline } from './deadline.ts';

/** What is kept of an answer; a pipe has no such limit. */
export const MAX_KEPT_BYTES = 16 * 2 ** 20;
export const DEFAULT_TIMEOUT_MS = 30_000;

export interface Question {
  readonly target: string;
  readonly port: number;
  readonly message: Uint8Array;
  readonly timeoutMs: number | undefined;
}

/** What came until the other side ended its half; `timeout`: it has not. */
export interface Answer {
  readonly bytes: Buffer;
  readonly timeout: boolean;
}

/** Sends, ends our half, and reads to the end. PilotError `timeout` when nothing at all came in time. */
export async function askOverStream(
  client: Pick<PilotClient, 'dial'>,
  { target, port, message, timeoutMs = DEFAULT_TIMEOUT_MS }: Question,
  interrupted: AbortSignal,
): Promise<Answer> {
  const deadline = new Deadline(timeoutMs, interrupted);
  const { signal } = deadline;
  const chunks: Buffer[] = [];
  try {
    const stream = await client.dial(target, port, { signal, timeoutMs });
    keepAll(stream, chunks);
    stream.end(message);
    await finished(stream);
    return { bytes: Buffer.concat(chunks), timeout: false };
  } catch (error) {
    if (!deadline.isOver) throw error;
    if (chunks.length > 0) return { bytes: Buffer.concat(chunks), timeout: true };
    const limit = formatDuration(timeoutMs);
    throw new PilotError('timeout', `no answer from port ${port} of ${target} within ${limit}`, {
      hint: 'a longer one: --timeout; whether it is there: pilotctl ping',
    });
  } finally {
    deadline.end();
  }
}

/** Up to `MAX_KEPT_BYTES`; more breaks the stream. */
export function keepAll(stream: PilotStream, chunks: Buffer[]): void {
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_KEPT_BYTES) chunks.push(chunk);
    else stream.destroy(tooMuch());
  });
}

/** What `connect --message` and `send` print. */
export function answerOutcome({ target, port, message }: Question, answer: Answer): Outcome {
  return {
    data: {
      ...{ target, port },
      ...bytesView('sent', message),
      ...bytesView('response', answer.bytes),
      timeout: answer.timeout,
    },
    text: answer.bytes,
  };
}

export const STILL_OPEN = 'the other side has not ended the stream; this is what came in time';

function tooMuch(): PilotError {
  return new PilotError('unavailable', `more than ${MAX_KEPT_BYTES} bytes came`, {
    hint: 'take them as they come, without --json: pilotctl connect <target> <port> < input > output',
  });
}
