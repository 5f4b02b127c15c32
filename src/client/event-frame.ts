/**
 * An event as it travels: to and from a broker (port 1002, pilotctl interface 2.9), and between the daemon and
 * the programs of its host.
 *
 *     topic length      2   at most 1024, big-endian
 *     topic                 UTF-8
 *     payload length    4   at most 16 MiB
 *     payload
 *
 * A topic of no bytes is no event: its payload says something about the stream (event-control.ts).
 */
import { WireError } from '../base/wire-error.ts';

/** Where the broker of a node is. */
export const EVENT_STREAM_PORT = 1002;
export const MAX_TOPIC_BYTES = 1024;
export const MAX_EVENT_BYTES = 16 * 2 ** 20;

const TOPIC_AT = 2;
const LENGTH_BYTES = 4;
/** A part of a large event gets as much room at first, and then twice as much each time. */
const FIRST_ROOM_BYTES = 4096;
const NOTHING: Buffer = Buffer.alloc(0);

export interface EventFrame {
  /** Empty: a control frame. */
  readonly topic: string;
  readonly payload: Buffer;
  /** The frame itself, to be passed on as it is. */
  readonly bytes: Buffer;
}

/** RangeError for what is too long. */
export function encodeEvent(topic: string, payload: Uint8Array): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  if (topicBytes > MAX_TOPIC_BYTES) throw new RangeError('the topic is too long');
  if (payload.length > MAX_EVENT_BYTES) throw new RangeError('the payload is too long');
  const payloadAt = TOPIC_AT + topicBytes + LENGTH_BYTES;
  const frame = Buffer.allocUnsafe(payloadAt + payload.length);
  frame.writeUInt16BE(topicBytes);
  frame.write(topic, TOPIC_AT, 'utf8');
  frame.writeUInt32BE(payload.length, payloadAt - LENGTH_BYTES);
  frame.set(payload, payloadAt);
  return frame;
}

/** Takes a stream of events apart: `push` a piece, then `next` until there is none. */
export class EventFrameReader {
  #rest = NOTHING;
  /** The beginning of a frame whose end has not come. */
  #part = NOTHING;
  #partBytes = 0;

  /** What an unfinished event takes in memory. */
  get heldBytes(): number {
    return this.#part.length;
  }

  push(piece: Buffer): void {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
  }

  /** Undefined until more comes. WireError for what can be no event; then the stream is of no use. */
  next(): EventFrame | undefined {
    const bytes = this.#partBytes === 0 ? this.#fromRest() : this.#fromPart();
    return bytes && readFrame(bytes);
  }

  /** What there is now. */
  *[Symbol.iterator](): Generator<EventFrame, void, undefined> {
    for (let frame = this.next(); frame !== undefined; frame = this.next()) yield frame;
  }

  #fromRest(): Buffer | undefined {
    const rest = this.#rest;
    const size = sizeOf(rest);
    if (size.isWhole && rest.length >= size.bytes) {
      this.#rest = rest.subarray(size.bytes);
      // A small one that waits somewhere must not keep a large piece in memory.
      const isSmall = size.bytes * 2 < rest.buffer.byteLength;
      return isSmall ? Buffer.from(rest.subarray(0, size.bytes)) : rest.subarray(0, size.bytes);
    }
    return rest.length === 0 ? undefined : this.#fromPart();
  }

  #fromPart(): Buffer | undefined {
    for (;;) {
      const size = sizeOf(this.#part.subarray(0, this.#partBytes));
      const missing = size.bytes - this.#partBytes;
      if (missing === 0) {
        const whole = this.#part.subarray(0, size.bytes);
        this.#part = NOTHING;
        this.#partBytes = 0;
        return whole;
      }
      if (this.#rest.length === 0) return undefined;
      const piece = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(piece.length);
      this.#append(piece, size.bytes);
    }
  }

  #append(piece: Buffer, frameBytes: number): void {
    const needed = this.#partBytes + piece.length;
    if (needed > this.#part.length) {
      const room = Math.max(needed, Math.min(frameBytes, this.#part.length * 2), FIRST_ROOM_BYTES);
      const larger = Buffer.allocUnsafeSlow(room);
      larger.set(this.#part.subarray(0, this.#partBytes));
      this.#part = larger;
    }
    this.#part.set(piece, this.#partBytes);
    this.#partBytes = needed;
  }
}

/** How long the frame is, or as much of it as has to be there to say. */
function sizeOf(start: Buffer): { readonly isWhole: boolean; readonly bytes: number } {
  if (start.length < TOPIC_AT) return { isWhole: false, bytes: TOPIC_AT };
  const topicBytes = start.readUInt16BE();
  if (topicBytes > MAX_TOPIC_BYTES) throw new WireError(`a topic has ${topicBytes} bytes`);
  const payloadAt = TOPIC_AT + topicBytes + LENGTH_BYTES;
  if (start.length < payloadAt) return { isWhole: false, bytes: payloadAt };
  const payloadBytes = start.readUInt32BE(payloadAt - LENGTH_BYTES);
  if (payloadBytes > MAX_EVENT_BYTES) throw new WireError(`an event has ${payloadBytes} bytes`);
  return { isWhole: true, bytes: payloadAt + payloadBytes };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readFrame(bytes: Buffer): EventFrame {
  const payloadAt = TOPIC_AT + bytes.readUInt16BE() + LENGTH_BYTES;
  try {
    const topic = strictUtf8.decode(bytes.subarray(TOPIC_AT, payloadAt - LENGTH_BYTES));
    return { topic, payload: bytes.subarray(payloadAt), bytes };
  } catch (cause) {
    throw new WireError('a topic is not UTF-8', { cause });
  }
}
