/**
 * The process that has the native WebRTC library: when the library crashes, it takes this process along
 * and not the daemon. It ends with the daemon's end of the pipe.
 */
import { Socket } from 'node:net';

import nodeDataChannel from 'node-datachannel';

import { describeError } from '../../base/pilot-error.ts';
import { WebRtcChannel } from './webrtc-channel.ts';
import type { ChannelEvents } from './webrtc-pipe.ts';
import {
  encodePipeMessage,
  encodeSent,
  PIPE,
  type PipeMessage,
  PipeReader,
} from './webrtc-pipe.ts';

const PIPE_FD = 3;
const EMPTY = new Uint8Array();

// Before the first connection. Measured at 50 ms of round trip: 18 to 20 MiB/s instead of 6.6.
nodeDataChannel.setSctpSettings({
  recvBufferSize: 8 * 2 ** 20,
  sendBufferSize: 8 * 2 ** 20,
  maxChunksOnQueue: 100_000,
  initialCongestionWindow: 64,
});

const channels = new Map<number, WebRtcChannel>();
const pipe = new Socket({ fd: PIPE_FD });

function say(type: number, connection: number, body: Uint8Array): void {
  pipe.write(encodePipeMessage({ type, connection, body }));
}

function open(connection: number): void {
  const closed = (reason: string): void => {
    channels.delete(connection);
    say(PIPE.close, connection, Buffer.from(reason));
  };
  const events: ChannelEvents = {
    description: (sdp) => {
      say(PIPE.description, connection, Buffer.from(sdp));
    },
    ready: () => {
      say(PIPE.ready, connection, EMPTY);
    },
    opened: () => {
      say(PIPE.open, connection, EMPTY);
    },
    data: (bytes) => {
      say(PIPE.data, connection, bytes);
    },
    sent: (bytes) => {
      say(PIPE.sent, connection, encodeSent(bytes));
    },
    closed,
  };
  try {
    channels.set(connection, new WebRtcChannel(`pilot-${connection}`, events));
  } catch (error) {
    closed(describeError(error));
  }
}

function take({ type, connection, body }: PipeMessage): void {
  const channel = channels.get(connection);
  switch (type) {
    case PIPE.open:
      open(connection);
      break;
    case PIPE.description:
      channel?.setDescription(Buffer.from(body).toString('utf8'));
      break;
    case PIPE.data:
      channel?.send(body);
      break;
    case PIPE.close:
      channel?.end();
      break;
    default:
      throw new Error(`the daemon says ${type}`);
  }
}

const reader = new PipeReader(take);
pipe.on('data', (bytes: Buffer) => {
  reader.push(bytes, () => true);
});
// The library's own clean-up crashes now and then; the system's does not.
pipe.on('close', () => process.exit(0));
pipe.on('error', () => process.exit(0));
