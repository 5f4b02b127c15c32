/**
 * What a sealed packet holds: frames, one behind the other.
 *
 *     type      1   bit 7: reliable
 *     length    4   of the body
 *     body          a reliable one begins with its sequence number (8)
 *
 *     01 ACK       next expected 8, window 4
 *     02 RESUME    flags 1 (bit 0: answer me, 1: send again, 2: this is an answer), next expected 8, window 4
 *     03 PING      token 8
 *     04 PONG      token 8
 *     05 CLOSE     nothing, or a code (close-frame.ts)
 *     06 PATHPING  token 8
 *     07 PATHPONG  token 8
 *     20 DATAGRAM  application bytes
 *     80 MESSAGE   sequence number 8, application bytes
 *     90 to 95     sequence number 8, streams (stream-frame.ts)
 *
 * Types not listed are skipped (a reliable one is acknowledged all the same), and so are bytes behind
 * the known fields of a control frame: a later version can add both.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { WireError } from '../base/wire-error.ts';

export const FRAME = {
  ack: 0x01,
  resume: 0x02,
  ping: 0x03,
  pong: 0x04,
  close: 0x05,
  pathPing: 0x06,
  pathPong: 0x07,
  datagram: 0x20,
  message: 0x80,
  open: 0x90,
  accept: 0x91,
  data: 0x92,
  window: 0x93,
  fin: 0x94,
  reset: 0x95,
} as const;

export const FRAME_HEADER_BYTES = 5;
export const SEQUENCE_BYTES = 8;
/** 1 MiB is the largest payload a node may allow; a quarter more is room for what goes around it. */
export const MAX_BODY_BYTES = 1.25 * 2 ** 20;
const RELIABLE_BIT = 0x80;
const TOKEN_BYTES = 8;

/** A frame as it is sent. `sequence` is there exactly when the type is a reliable one. */
export interface OutgoingFrame {
  readonly type: number;
  readonly sequence: number | undefined;
  readonly body: Uint8Array;
}

/** A received frame; `body` is a view into the packet, without the sequence number. */
export type Frame = OutgoingFrame;

/** The frames of one packet. WireError when a single one is broken: the sender is, then. */
export function decodeFrames(bytes: Uint8Array): Frame[] {
  const reader = new ByteReader(bytes);
  const frames: Frame[] = [];
  while (reader.remaining > 0) {
    const type = reader.u8();
    const length = reader.u32();
    const isReliable = (type & RELIABLE_BIT) !== 0;
    if (isReliable && length < SEQUENCE_BYTES) throw new WireError('no room for the sequence');
    const sequence = isReliable ? readCount(reader) : undefined;
    const body = reader.bytes(isReliable ? length - SEQUENCE_BYTES : length);
    if (body.length > MAX_BODY_BYTES) throw new WireError('frame body too large');
    frames.push({ type, sequence, body });
  }
  return frames;
}

/** How many bytes the frame takes in a packet. */
export function frameBytes(frame: OutgoingFrame): number {
  return frameHeadBytes(frame) + frame.body.length;
}

/** The part in front of `body`. */
export function frameHeadBytes(frame: OutgoingFrame): number {
  return FRAME_HEADER_BYTES + (frame.sequence === undefined ? 0 : SEQUENCE_BYTES);
}

/** Writes the part in front of `body` and gives the offset behind it. */
export function writeFrameHead(target: Buffer, offset: number, frame: OutgoingFrame): number {
  const { type, sequence, body } = frame;
  target[offset] = type;
  const lengthAt = offset + 1;
  if (sequence === undefined) return target.writeUInt32BE(body.length, lengthAt);
  const sequenceAt = target.writeUInt32BE(body.length + SEQUENCE_BYTES, lengthAt);
  target.writeUInt32BE(Math.floor(sequence / 2 ** 32), sequenceAt);
  return target.writeUInt32BE(sequence >>> 0, sequenceAt + 4);
}

export interface Ack {
  /** Every sequence number below this one has arrived. */
  readonly next: number;
  /** How many unacknowledged bytes the peer may have under way to us. */
  readonly windowBytes: number;
}

export interface ResumeFlags {
  /** Tell me in return what you have. */
  readonly wantsAnswer: boolean;
  /** Send again from `next` on: what you sent since was lost. */
  readonly wantsFrames: boolean;
  /** You asked. */
  readonly isAnswer: boolean;
}

export type Resume = Ack & ResumeFlags;

export function encodeAck({ next, windowBytes }: Ack): OutgoingFrame {
  return control(FRAME.ack, new ByteWriter(12).u64(next).u32(windowBytes));
}

export function decodeAck(body: Uint8Array): Ack {
  const reader = new ByteReader(body);
  return { next: readCount(reader), windowBytes: reader.u32() };
}

export function encodeResume(resume: Resume): OutgoingFrame {
  const { wantsAnswer, wantsFrames, isAnswer, next, windowBytes } = resume;
  const flags = (wantsAnswer ? 1 : 0) | (wantsFrames ? 2 : 0) | (isAnswer ? 4 : 0);
  return control(FRAME.resume, new ByteWriter(13).u8(flags).u64(next).u32(windowBytes));
}

export function decodeResume(body: Uint8Array): Resume {
  const reader = new ByteReader(body);
  const flags = reader.u8();
  return {
    wantsAnswer: (flags & 1) !== 0,
    wantsFrames: (flags & 2) !== 0,
    isAnswer: (flags & 4) !== 0,
    next: readCount(reader),
    windowBytes: reader.u32(),
  };
}

export function encodePing(token: number): OutgoingFrame {
  return control(FRAME.ping, new ByteWriter(TOKEN_BYTES).u64(token));
}

/** The answer carries the token back as it came. */
export function encodePong(ping: Uint8Array): OutgoingFrame {
  if (ping.length < TOKEN_BYTES) throw new WireError('ping without a token');
  return { type: FRAME.pong, sequence: undefined, body: ping.subarray(0, TOKEN_BYTES) };
}

/** Wants its answer by the link that it comes by, whichever carries the session. */
export function encodePathPing(token: number): OutgoingFrame {
  return control(FRAME.pathPing, new ByteWriter(TOKEN_BYTES).u64(token));
}

export function encodePathPong(ping: Uint8Array): OutgoingFrame {
  return { ...encodePong(ping), type: FRAME.pathPong };
}

/** The token of our ping that a PONG or PATHPONG answers. */
export function decodePong(body: Uint8Array): number {
  return readCount(new ByteReader(body));
}

function control(type: number, body: ByteWriter): OutgoingFrame {
  return { type, sequence: undefined, body: body.finish() };
}

/** A u64 that fits a number, read as two halves: a BigInt for each frame would cost more than the rest. */
export function readCount(reader: ByteReader): number {
  const high = reader.u32();
  if (high >= 2 ** 21) throw new WireError('64-bit number too large');
  return high * 2 ** 32 + reader.u32();
}
