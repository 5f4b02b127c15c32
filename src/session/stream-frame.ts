/**
 * Frames of streams, all of them reliable. After the sequence number:
 *
 *     90 OPEN     stream 8, port 2, source port 2, window 4
 *     91 ACCEPT   stream 8, window 4
 *     92 DATA     stream 8, bytes
 *     93 WINDOW   stream 8, more bytes that may come 4
 *     94 FIN      stream 8
 *     95 RST      stream 8, code: `[a-z][a-z0-9_]*`, at most 64
 *
 * Bytes behind the known fields of OPEN, ACCEPT, WINDOW and FIN are ignored: a later version can add some.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { utf8 } from '../base/bytes.ts';
import { WireError } from '../base/wire-error.ts';
import { FRAME, readCount } from './frame.ts';

export const STREAM_ID_BYTES = 8;
export const MAX_CODE_BYTES = 64;
const CODE = /^[a-z][a-z0-9_]{0,63}$/;

export type StreamFrame =
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly port: number;
      readonly sourcePort: number;
      readonly windowBytes: number;
    }
  | { readonly kind: 'accept' | 'window'; readonly id: number; readonly windowBytes: number }
  | { readonly kind: 'data'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'fin'; readonly id: number }
  | { readonly kind: 'reset'; readonly id: number; readonly code: string };

/** What is given to the reliable sequence. */
export interface StreamFrameBody {
  readonly type: number;
  readonly body: Uint8Array;
}

export function isStreamFrame(type: number): boolean {
  return type >= FRAME.open && type <= FRAME.reset;
}

/** `code` may stand in a RST. */
export function isResetCode(code: string): boolean {
  return CODE.test(code);
}

export function encodeStreamFrame(frame: Exclude<StreamFrame, { kind: 'data' }>): StreamFrameBody {
  const writer = new ByteWriter(16).u64(frame.id);
  switch (frame.kind) {
    case 'open':
      writer.u16(frame.port).u16(frame.sourcePort).u32(frame.windowBytes);
      break;
    case 'accept':
    case 'window':
      writer.u32(frame.windowBytes);
      break;
    case 'reset':
      writer.bytes(utf8(frame.code));
      break;
    case 'fin':
      break;
  }
  return { type: FRAME[frame.kind], body: writer.finish() };
}

/** A DATA frame of `length` bytes, which `fill` writes to their place in it. */
export function encodeDataFrame(
  id: number,
  length: number,
  fill: (target: Buffer, offset: number) => void,
): StreamFrameBody {
  const body = Buffer.allocUnsafe(STREAM_ID_BYTES + length);
  body.writeUInt32BE(Math.floor(id / 2 ** 32), 0);
  body.writeUInt32BE(id >>> 0, 4);
  fill(body, STREAM_ID_BYTES);
  return { type: FRAME.data, body };
}

/** `type` is one of `isStreamFrame`. The bytes of DATA are a view. */
export function decodeStreamFrame(type: number, body: Uint8Array): StreamFrame {
  const reader = new ByteReader(body);
  const id = readCount(reader);
  switch (type) {
    case FRAME.open:
      return {
        ...{ kind: 'open', id, port: reader.u16(), sourcePort: reader.u16() },
        windowBytes: reader.u32(),
      };
    case FRAME.accept:
      return { kind: 'accept', id, windowBytes: reader.u32() };
    case FRAME.data:
      return { kind: 'data', id, bytes: reader.rest() };
    case FRAME.window:
      return { kind: 'window', id, windowBytes: reader.u32() };
    case FRAME.fin:
      return { kind: 'fin', id };
    case FRAME.reset:
      return { kind: 'reset', id, code: readCode(reader) };
    default:
      throw new WireError('not a frame of a stream');
  }
}

/** It ends in logs and on screens: a plain name. */
function readCode(reader: ByteReader): string {
  if (reader.remaining > MAX_CODE_BYTES) throw new WireError('code too long');
  const code = Buffer.from(reader.rest()).toString('latin1');
  if (!isResetCode(code)) throw new WireError('not a code');
  return code;
}
