import { Duplex } from 'node:stream';

import { expect, test } from 'vitest';

import { DatagramSocket } from '../../src/client/datagram-socket.ts';
import { FramedQueue } from '../../src/client/framed-queue.ts';

/** A port at a daemon that takes nothing; what is being written is given up with the socket, as the system does. */
function fullPort(signal?: AbortSignal): DatagramSocket {
  let giveUp: (error: Error) => void = () => undefined;
  const socket = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      giveUp = done;
    },
    destroy: (error, done) => {
      giveUp(new Error('ECANCELED'));
      done(error);
    },
  });
  const upgraded = { socket, head: Buffer.alloc(0), headers: {} };
  return new DatagramSocket(53, new FramedQueue(upgraded, signal));
}

test('a port that was closed says so to who sends, and ends for who reads', async () => {
  const port = fullPort();
  const early = port.send('peer', 1, Buffer.from('under way'));
  port.close();
  const closed = { code: 'connection_failed', message: 'the port is closed' };
  await expect(early).rejects.toMatchObject(closed);
  await expect(port.send('peer', 1, Buffer.from('late'))).rejects.toMatchObject(closed);
  await expect(port[Symbol.asyncIterator]().next()).resolves.toMatchObject({ done: true });
});

test("the signal's reason is what a send that was under way fails with", async () => {
  const stop = new AbortController();
  const port = fullPort(stop.signal);
  const early = port.send('peer', 1, Buffer.from('under way'));
  const reason = new Error('enough');
  stop.abort(reason);
  await expect(early).rejects.toBe(reason);
});
