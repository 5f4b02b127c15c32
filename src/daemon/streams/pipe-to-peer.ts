import type { Readable } from 'node:stream';

import type { PeerStream } from './stream-duplex.ts';

/**
 * A read of a socket ends after 64 KiB (libuv's buffer), and what is behind that follows in the same turn of the event
 * loop. From this size on a piece may be such a beginning; what answers a question is smaller.
 */
const PART_BYTES = 32 * 1024;

/**
 * `source.pipe(stream)` for sockets: the parts of one large write go on together, so that no few bytes of its end
 * become a frame, and a packet, of their own.
 */
export function pipeToPeer(source: Readable, stream: PeerStream): void {
  // Before the listener of `pipe`, which writes.
  source.on('data', (bytes: Buffer) => {
    if (bytes.length < PART_BYTES || stream.writableCorked > 0) return;
    stream.cork();
    setImmediate(() => {
      stream.uncork();
    });
  });
  source.pipe(stream);
}
