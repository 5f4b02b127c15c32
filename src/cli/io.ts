import type { Readable, Writable } from 'node:stream';

import { PilotError } from '../base/pilot-error.ts';

/** A process as commands see it, so that tests can run them in theirs. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C and SIGTERM, with an `Interrupted`. */
  readonly signal: AbortSignal;
}

/** The user, or the system, ended the command. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`);
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

/** Writes and, when the reader is slow, waits for it. */
export async function write(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (data.length === 0 || stream.write(data)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}

/** All of a stream, up to a limit that `what` may not pass. */
export async function readAll(
  stream: Readable,
  limits: {
    readonly maxBytes: number;
    readonly what: string;
    readonly signal: AbortSignal;
    readonly hint?: string;
  },
): Promise<Uint8Array> {
  const { maxBytes, what, signal, hint } = limits;
  const chunks: Buffer[] = [];
  let length = 0;
  const abort = (): void => {
    stream.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer | string>) {
      const bytes = Buffer.from(chunk as Buffer);
      length += bytes.length;
      if (length > maxBytes) throw tooLarge(what, maxBytes, hint);
      chunks.push(bytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
  signal.throwIfAborted();
  return Buffer.concat(chunks);
}

function tooLarge(
  what: string,
  maxBytes: number,
  hint = 'a message holds 256 KiB by default, 1 MiB at most',
): PilotError {
  return new PilotError('invalid_argument', `${what} has more than ${maxBytes} bytes`, { hint });
}
