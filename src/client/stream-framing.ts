/**
 * What follows the upgrade of a stream, a listener or a datagram socket, both ways. A Unix socket cannot tell
 * a reset from an end, so bytes are framed:
 *
 *     kind      1
 *     length    3   of what follows, big-endian
 *
 *     0 DATA       bytes of the stream
 *     1 END        empty: the sender's half is finished
 *     2 RESET      an ApiFailure as JSON, or nothing: both halves are over
 *     3 DATAGRAM   length of the target 1, target (to the daemon: any; from it: a Node ID), port 2, bytes.
 *                  The port is the other node's
 *     4 DROPPED    count 4: datagrams that this reader was too slow for, since the last time
 *     5 FAILED     an ApiFailure as JSON: a datagram was not sent
 *     6 OFFER      a StreamOffer as JSON
 *     7 REFUSE     an offer's `stream`, as text: nobody will accept it
 *
 * A connection that closes without END or RESET was cut.
 */
import { WireError } from '../base/wire-error.ts';

export const STREAM_FRAME = {
  data: 0,
  end: 1,
  reset: 2,
  datagram: 3,
  dropped: 4,
  failed: 5,
  offer: 6,
  refuse: 7,
} as const;

const HEAD_BYTES = 4;
const NOTHING = Buffer.alloc(0);
const MAX_LENGTH = 2 ** 24 - 1;
/** A datagram, its target and port; everything else that is not DATA is shorter. */
const MAX_WHOLE_BYTES = 66 * 1024;

/** The head of a frame, to be written before its body. */
export function streamFrameHead(kind: number, length: number): Buffer {
  if (length > MAX_LENGTH) throw new RangeError('too long for a frame');
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(kind * 2 ** 24 + length);
  return head;
}

/** A whole frame, for what is short. */
export function streamFrame(kind: number, body: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([streamFrameHead(kind, bytes.length), bytes]);
}

export interface FramedDatagram {
  readonly target: string;
  readonly port: number;
  readonly bytes: Buffer;
}

export function datagramFrame(target: string, port: number, bytes: Uint8Array): Buffer {
  const name = Buffer.from(target);
  if (name.length > 255) throw new RangeError('a target has at most 255 bytes');
  const head = streamFrameHead(STREAM_FRAME.datagram, 1 + name.length + 2 + bytes.length);
  const place = Buffer.from([port >>> 8, port & 0xff]);
  return Buffer.concat([head, Buffer.from([name.length]), name, place, bytes]);
}

/** The body of a DATAGRAM; its bytes are a view. WireError. */
export function readDatagramFrame(body: Buffer): FramedDatagram {
  const nameEnd = 1 + (body[0] ?? 0);
  if (body.length < nameEnd + 2) throw new WireError('a datagram ends early');
  return {
    target: body.toString('utf8', 1, nameEnd),
    port: body.readUInt16BE(nameEnd),
    bytes: body.subarray(nameEnd + 2),
  };
}

/** Takes frames apart. DATA comes in the pieces in which it arrives, everything else whole. */
export class StreamFrameReader {
  readonly #take: (kind: number, body: Buffer) => void;
  /** The bytes of a head that have come, as a number, and how many. */
  #word = 0;
  #headBytes = 0;
  #kind = 0;
  /** Of the frame's body, what is to come; undefined: a head is. */
  #left: number | undefined;
  #whole: Buffer[] = [];

  constructor(take: (kind: number, body: Buffer) => void) {
    this.#take = take;
  }

  /** WireError for a frame that is longer than its kind may be. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      rest = this.#left === undefined ? this.#readHead(rest) : this.#readBody(rest, this.#left);
    }
  }

  #readHead(bytes: Buffer): Buffer {
    const missing = HEAD_BYTES - this.#headBytes;
    for (const byte of bytes.subarray(0, missing)) this.#word = this.#word * 2 ** 8 + byte;
    this.#headBytes += Math.min(missing, bytes.length);
    if (this.#headBytes < HEAD_BYTES) return NOTHING;
    const word = this.#word;
    this.#word = 0;
    this.#headBytes = 0;
    this.#kind = Math.floor(word / 2 ** 24);
    const length = word % 2 ** 24;
    if (this.#kind !== STREAM_FRAME.data && length > MAX_WHOLE_BYTES) {
      throw new WireError(`a frame of kind ${this.#kind} has ${length} bytes`);
    }
    this.#left = length;
    const rest = bytes.subarray(missing);
    return length === 0 ? this.#readBody(rest, 0) : rest;
  }

  #readBody(bytes: Buffer, left: number): Buffer {
    const piece = bytes.subarray(0, left);
    const isLast = piece.length === left;
    this.#left = isLast ? undefined : left - piece.length;
    if (this.#kind === STREAM_FRAME.data) {
      if (piece.length > 0) this.#take(this.#kind, piece);
    } else {
      this.#whole.push(piece);
      if (isLast) this.#take(this.#kind, Buffer.concat(this.#whole.splice(0)));
    }
    return bytes.subarray(left);
  }
}
