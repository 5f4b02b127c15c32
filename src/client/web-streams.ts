import type { Duplex } from 'node:stream';
import {
  ByteLengthQueuingStrategy,
  ReadableStream,
  type ReadableWritablePair,
  WritableStream,
} from 'node:stream/web';

const READ_AHEAD_BYTES = 64 * 1024;

/**
 * The two halves of a stream as web streams, each of which ends by itself. Those of `Duplex.toWeb` (Node 20) wait
 * for each other: a question that is closed would never be, while its answer is awaited.
 */
export function webStreams(duplex: Duplex): ReadableWritablePair<Uint8Array, Uint8Array> {
  return { readable: readableOf(duplex), writable: writableOf(duplex) };
}

function readableOf(duplex: Duplex): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        let isOver = false;
        duplex.on('data', (chunk: Buffer) => {
          controller.enqueue(new Uint8Array(chunk));
          if ((controller.desiredSize ?? 0) <= 0) duplex.pause();
        });
        duplex.once('end', () => {
          isOver = true;
          controller.close();
        });
        duplex.once('close', () => {
          if (!isOver) controller.error(duplex.errored ?? new Error('the stream was destroyed'));
        });
        duplex.pause();
      },
      pull: () => {
        duplex.resume();
      },
      cancel: (reason) => {
        duplex.destroy(asError(reason));
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD_BYTES }),
  );
}

function writableOf(duplex: Duplex): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start: (controller) => {
      duplex.once('error', (error) => {
        controller.error(error);
      });
    },
    write: async (chunk) =>
      new Promise((resolve, reject) => {
        duplex.write(chunk, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    close: async () =>
      new Promise((resolve, reject) => {
        // Also called when it broke before its end had left.
        duplex.end((error?: Error | null) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    abort: (reason) => {
      duplex.destroy(asError(reason));
    },
  });
}

export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
