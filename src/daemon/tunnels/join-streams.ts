import type { Socket } from 'node:net';

import { pipeToPeer } from '../streams/pipe-to-peer.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';

/** A program that is gone without a FIN (its host slept, a cable was pulled) shows after some ten of these. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Makes one connection of a socket and a stream: what one reads the other writes, no faster than it is taken; each
 * half ends where the other's does; a reset of one is a reset of the other.
 */
export function joinStreams(socket: Socket, stream: PeerStream): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  // What went wrong is told by `close`, which follows.
  socket.on('error', () => undefined);
  socket.once('close', () => {
    if (!isDone(socket)) stream.abandon('connection_reset');
  });
  stream.once('close', () => {
    if (!isDone(stream)) socket.resetAndDestroy();
  });
  if (socket.destroyed) stream.abandon('connection_reset');
  if (stream.destroyed) socket.resetAndDestroy();
  pipeToPeer(socket, stream);
  stream.pipe(socket);
}

/** Both halves came to their ends. */
function isDone({ readableEnded, writableFinished }: Socket | PeerStream): boolean {
  return readableEnded && writableFinished;
}
