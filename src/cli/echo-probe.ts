import type { Duplex } from 'node:stream';

import { PilotError } from '../base/pilot-error.ts';

/** Where nodes echo (pilotctl interface 2.9). */
export const ECHO_PORT = 7;

/** Sends, and waits for as many bytes; gives the milliseconds that took. PilotError when the stream ends before. */
export async function echoRoundTrip(stream: Duplex, payload: Buffer): Promise<number> {
  const startMs = performance.now();
  const answered = readExactly(stream, payload.length);
  stream.write(payload);
  const answer = await answered;
  if (answer.equals(payload)) return performance.now() - startMs;
  throw notAnEcho();
}

export function notAnEcho(): PilotError {
  return new PilotError('connection_failed', 'the other side gave back other bytes than it got', {
    hint: 'another program than the echo service listens on its port 7',
  });
}

async function readExactly(stream: Duplex, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let missing = length;
    const settle = (): void => {
      stream.off('data', take).off('close', over).off('end', over);
    };
    const over = (): void => {
      settle();
      const ended = new PilotError('connection_failed', 'the other side ended the stream');
      reject(stream.errored ?? ended);
    };
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      missing -= chunk.length;
      if (missing > 0) return;
      settle();
      resolve(Buffer.concat(chunks));
    };
    stream.on('data', take).once('close', over).once('end', over);
    // That it has ended, or broke, is said once: before us, perhaps.
    if (stream.destroyed || stream.readableEnded) over();
  });
}
