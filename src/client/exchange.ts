import { type IncomingMessage, request as httpRequest } from 'node:http';

import { PilotError } from '../base/pilot-error.ts';
import { awaitAnswer } from './awaited-request.ts';

export interface ExchangeRequest {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
  /** A good answer is handed out at its head; its body is the caller's to read and to destroy. */
  readonly streamed: boolean;
}

export interface Answer {
  readonly status: number;
  /** Empty when the body is streamed. */
  readonly text: string;
  readonly response: IncomingMessage;
}

const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

/** One HTTP request on a connection of its own. Rejects with the signal's reason, PilotError or the system's error. */
export async function exchange(options: ExchangeRequest): Promise<Answer> {
  const { signal } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const { socketPath, method, path } = options;
    const headers = { host: 'pilotd' };
    const request = httpRequest({ socketPath, agent: false, method, path, headers });
    const { finish } = awaitAnswer(request, options, reject);
    request.on('error', (error) => {
      finish();
      reject(error);
    });
    request.once('response', (response) => {
      const status = response.statusCode ?? 500;
      if (options.streamed && status < 400) {
        finish();
        resolve({ status, text: '', response });
        return;
      }
      collect(response, (error, text) => {
        finish();
        if (error === undefined) resolve({ status, text, response });
        else reject(error);
      });
    });
    request.end();
  });
}

function collect(
  response: IncomingMessage,
  done: (error: Error | undefined, text: string) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    chunks.push(chunk);
    if (length > MAX_RESPONSE_BYTES) response.destroy(tooLarge());
  });
  response.once('end', () => {
    done(undefined, Buffer.concat(chunks).toString('utf8'));
  });
  response.once('error', (error) => {
    done(error, '');
  });
}

function tooLarge(): PilotError {
  return new PilotError('internal', 'the answer is larger than 64 MiB', {
    hint: 'ask for less at once, for example with a smaller limit',
  });
}
