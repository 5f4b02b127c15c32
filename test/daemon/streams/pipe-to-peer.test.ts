import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { pipeToPeer } from '../../../src/daemon/streams/pipe-to-peer.ts';
import { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import type { SessionStream, StreamHandlers } from '../../../src/session/stream.ts';

/** A session's stream over a link that always takes more: a frame is made of what was written in one go. */
class FramedStream implements SessionStream {
  readonly port = 7;
  readonly sourcePort = 49_152;
  readonly isOver = false;
  handlers!: StreamHandlers;
  /** The bytes of each. */
  readonly frames: number[] = [];
  isFinished = false;
  #waiting = 0;

  accept(): void {
    throw new Error('it is open');
  }

  write(bytes: Uint8Array): void {
    if (this.#waiting === 0) {
      queueMicrotask(() => {
        this.frames.push(this.#waiting);
        this.#waiting = 0;
        this.handlers.drained();
      });
    }
    this.#waiting += bytes.length;
  }

  finish(): void {
    this.isFinished = true;
  }

  read(): undefined {
    return undefined;
  }

  reset(): void {
    throw new Error('nobody resets it');
  }
}

function piped(source: Readable): { readonly session: FramedStream; readonly peer: PeerStream } {
  const session = new FramedStream();
  const place = { peer: 'ab', localPort: 49_152, remotePort: 7, isOutgoing: true };
  const peer = new PeerStream(session, place);
  pipeToPeer(source, peer);
  return { session, peer };
}

test('what one large write was split into by the socket becomes one frame', async () => {
  const source = new PassThrough({ highWaterMark: 2 ** 20 });
  const { session } = piped(source);
  source.write(Buffer.alloc(65_532));
  await Promise.resolve();
  source.write(Buffer.alloc(4));
  await turn();
  await turn();
  expect(session.frames).toEqual([65_536]);
});

test('small pieces wait for nothing', async () => {
  const source = new PassThrough();
  const { session } = piped(source);
  // `pipe` begins with the next turn.
  await turn();
  source.write(Buffer.alloc(100));
  const before = new Promise<number[]>((resolve) => {
    setImmediate(() => {
      resolve([...session.frames]);
    });
  });
  source.write(Buffer.alloc(50));
  expect(await before).toEqual([100, 50]);
});

test('the end comes after the bytes, also in the turn of a large piece', async () => {
  const { session, peer } = piped(Readable.from([Buffer.alloc(40_000), Buffer.alloc(9)]));
  await once(peer, 'finish');
  expect(session.isFinished).toBe(true);
  expect(session.frames.reduce((sum, bytes) => sum + bytes, 0)).toBe(40_009);
});

test('a source that sends more than the stream takes is held up, and all of it arrives', async () => {
  const pieces = Array.from({ length: 100 }, (_, i) => Buffer.alloc(1000 * i + 1));
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  const { session, peer } = piped(Readable.from(pieces));
  await once(peer, 'finish');
  expect(session.frames.reduce((sum, bytes) => sum + bytes, 0)).toBe(total);
  expect(peer.bytesWritten).toBe(total);
});
