/**
 * What the daemon and the process with the native WebRTC library say to each other, over one Unix socket pair:
 *
 *     length       3   little-endian, of what follows (frame-reader.ts)
 *     type         1
 *     connection   4   chosen by the daemon, big-endian
 *     body
 *
 *     01 OPEN          to the child: make a connection   to the daemon: its channel is open
 *     02 DESCRIPTION   both ways: SDP, the library's own, and the peer's as the daemon writes it
 *     03 READY         to the daemon: DTLS is heard from now on
 *     04 DATA          both ways: one message of the channel
 *     05 CLOSE         to the child: send what you have, and close   to the daemon: closed, and why
 *     06 SENT          to the daemon: 4, so many bytes of DATA are on their way, more may come
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { FrameReader, LENGTH_BYTES, writeLength } from './frame-reader.ts';

export const PIPE = { open: 1, description: 2, ready: 3, data: 4, close: 5, sent: 6 } as const;

const HEAD_BYTES = 5;
/** What a data channel carries anywhere: browsers take 256 KiB, and a large message holds up others. */
export const MAX_CHANNEL_MESSAGE_BYTES = 64 * 1024;
const MAX_PIPE_MESSAGE_BYTES = HEAD_BYTES + MAX_CHANNEL_MESSAGE_BYTES;
/** DATA that the child has and has not sent: so much keeps a fast path busy. */
export const CHILD_WINDOW_BYTES = 1024 * 1024;

/** What a channel tells, at either end of the pipe. */
export interface ChannelEvents {
  description(sdp: string): void;
  /** Datagrams of DTLS are heard; before they would be lost. */
  ready(): void;
  opened(): void;
  data(bytes: Uint8Array): void;
  /** So many bytes given to `send` have left our queue. */
  sent(bytes: number): void;
  /** Once; nothing follows. */
  closed(reason: string): void;
}

export interface PipeMessage {
  readonly type: number;
  readonly connection: number;
  readonly body: Uint8Array;
}

export function encodePipeMessage({ type, connection, body }: PipeMessage): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + HEAD_BYTES + body.length);
  writeLength(bytes, HEAD_BYTES + body.length);
  bytes[LENGTH_BYTES] = type;
  bytes.writeUInt32BE(connection, LENGTH_BYTES + 1);
  bytes.set(body, LENGTH_BYTES + HEAD_BYTES);
  return bytes;
}

/** The message of each frame; WireError from `push` for what is none. */
export class PipeReader extends FrameReader {
  constructor(message: (message: PipeMessage) => void) {
    super(MAX_PIPE_MESSAGE_BYTES, (frame) => {
      const reader = new ByteReader(frame);
      message({ type: reader.u8(), connection: reader.u32(), body: reader.rest() });
    });
  }
}

export function encodeSent(bytes: number): Uint8Array {
  return new ByteWriter(4).u32(bytes).finish();
}

export function decodeSent(body: Uint8Array): number {
  return new ByteReader(body).u32();
}
