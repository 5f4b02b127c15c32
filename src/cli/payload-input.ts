import { createReadStream } from 'node:fs';

import { describeError, PilotError } from '../base/pilot-error.ts';
import type { MessageType, SendMessageRequest } from '../client/client.ts';
import { encodePayload } from '../client/payload.ts';
import { type Io, readAll } from './io.ts';

/** The most that `messaging.max_payload_kb` can be set to: what is larger no daemon takes. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

export interface PayloadSource {
  /** `-` is standard input. */
  readonly data: string | undefined;
  readonly dataFile: string | undefined;
}

/** What a user wants to send, checked as far as it can be here. */
export async function readPayload(
  source: PayloadSource,
  type: MessageType,
  io: Pick<Io, 'stdin' | 'signal'>,
): Promise<Pick<SendMessageRequest, 'type' | 'data' | 'encoding'>> {
  const bytes = await readBytes(source, io, MAX_PAYLOAD_BYTES);
  const payload = encodePayload(bytes, type);
  if (type === 'json') checkJson(payload.data);
  return payload;
}

/** The same as bytes, whatever they are. */
export async function readBytes(
  { data, dataFile }: PayloadSource,
  { stdin, signal }: Pick<Io, 'stdin' | 'signal'>,
  maxBytes: number,
): Promise<Uint8Array> {
  if (data !== undefined && dataFile !== undefined) {
    throw new PilotError('invalid_argument', '--data and --data-file exclude each other');
  }
  const limits = { maxBytes, signal };
  if (data === '-') return readAll(stdin, { ...limits, what: 'standard input' });
  if (data !== undefined) return new TextEncoder().encode(data);
  if (dataFile !== undefined) {
    try {
      return await readAll(createReadStream(dataFile), { ...limits, what: dataFile });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof PilotError ? error : unreadable(dataFile, error);
    }
  }
  throw new PilotError('invalid_argument', 'there is nothing to send', {
    hint: '--data TEXT, --data - for standard input, or --data-file FILE',
  });
}

function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new PilotError('invalid_argument', `the payload is not JSON: ${describeError(cause)}`, {
      hint: 'check the quotes: a shell takes away the outer ones; --type text sends it as it is',
      cause,
    });
  }
}

function unreadable(file: string, cause: unknown): PilotError {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  return new PilotError(
    isMissing ? 'not_found' : 'invalid_argument',
    isMissing ? `there is no file ${file}` : `cannot read ${file}: ${describeError(cause)}`,
    { cause },
  );
}
