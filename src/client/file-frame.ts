/**
 * What a FILESTREAM frame of the data exchange holds:
 *
 *     kind   1
 *     id    16   the first half of the file's SHA-256: a transfer that was cut goes on under the same id
 *
 *     1 INIT      size 8, SHA-256 32, chunk size 4, length of the name 2, name; and, from senders that know it,
 *                 length of the folder 2, folder: where below the received folder the file goes, parts apart by /
 *     2 CHUNK     offset 8, bytes. It follows what is there; offset 0 begins anew
 *     3 ACK       8: contiguous bytes that are there (while a part is verified: so many of it)
 *     4 DONE      nothing
 *     5 INIT-ACK  8: offset from which to send; to senders of a folder also the SHA-256 of what is there before it
 *     6 COMPLETE  1: 0 the file is in its place; 1 what came is not the file. Then text: for 0 its path
 *                 below the received folder
 *     7 ABORT     text: why (`code: reason`)
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { WireError } from '../base/wire-error.ts';
import {
  EXCHANGE_HEAD_BYTES,
  EXCHANGE_TYPE,
  exchangeFrame,
  exchangeHead,
} from './exchange-frame.ts';

export const FILE_ID_BYTES = 16;
const SHA256_BYTES = 32;
/** A receiver holds one chunk at a time in memory. */
export const MAX_CHUNK_BYTES = 2 ** 20;
/** As long as a FILESTREAM frame may be: a chunk is the longest. */
export const MAX_FILE_FRAME_BYTES = 1 + FILE_ID_BYTES + 8 + MAX_CHUNK_BYTES;
const MAX_TEXT_BYTES = 4096;

const KIND = { init: 1, chunk: 2, ack: 3, done: 4, initAck: 5, complete: 6, abort: 7 } as const;

export interface FileInit {
  readonly kind: 'init';
  readonly id: Uint8Array;
  readonly size: number;
  readonly sha256: Uint8Array;
  readonly chunkBytes: number;
  /** As it came: not to be used as a path before it was checked. */
  readonly name: Uint8Array;
  /** Undefined from senders that know of no folders. */
  readonly folder: Uint8Array | undefined;
}

export type FileFrame =
  | FileInit
  | {
      readonly kind: 'chunk';
      readonly id: Uint8Array;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'ack'; readonly id: Uint8Array; readonly offset: number }
  | { readonly kind: 'done'; readonly id: Uint8Array }
  | {
      readonly kind: 'initAck';
      readonly id: Uint8Array;
      readonly offset: number;
      readonly sha256: Uint8Array | undefined;
    }
  | {
      readonly kind: 'complete';
      readonly id: Uint8Array;
      readonly code: number;
      readonly text: string;
    }
  | { readonly kind: 'abort'; readonly id: Uint8Array; readonly reason: string };

export function encodeFileInit(init: Omit<FileInit, 'kind'>): Uint8Array {
  const writer = begin(KIND.init, init.id)
    .u64(init.size)
    .bytes(init.sha256)
    .u32(init.chunkBytes)
    .u16(init.name.length)
    .bytes(init.name);
  if (init.folder !== undefined) writer.u16(init.folder.length).bytes(init.folder);
  return framed(writer);
}

/** All of a CHUNK frame before its bytes. */
export function encodeChunkHead(id: Uint8Array, offset: number, length: number): Uint8Array {
  const inner = begin(KIND.chunk, id).u64(offset).finish();
  return new ByteWriter(EXCHANGE_HEAD_BYTES + inner.length)
    .bytes(exchangeHead(EXCHANGE_TYPE.fileStream, inner.length + length))
    .bytes(inner)
    .finish();
}

export function encodeFileAck(id: Uint8Array, offset: number): Uint8Array {
  return framed(begin(KIND.ack, id).u64(offset));
}

export function encodeFileDone(id: Uint8Array): Uint8Array {
  return framed(begin(KIND.done, id));
}

export function encodeInitAck(id: Uint8Array, offset: number, sha256?: Uint8Array): Uint8Array {
  const writer = begin(KIND.initAck, id).u64(offset);
  return framed(sha256 === undefined ? writer : writer.bytes(sha256));
}

export function encodeComplete(id: Uint8Array, code: number, text: string): Uint8Array {
  return framed(begin(KIND.complete, id).u8(code).bytes(Buffer.from(text)));
}

export function encodeFileAbort(id: Uint8Array, reason: string): Uint8Array {
  return framed(begin(KIND.abort, id).bytes(Buffer.from(reason)));
}

/** The payload of a FILESTREAM frame; undefined: a kind of a later version. Bytes are views. WireError. */
export function decodeFileFrame(payload: Uint8Array): FileFrame | undefined {
  const reader = new ByteReader(payload);
  const kind = reader.u8();
  const id = reader.bytes(FILE_ID_BYTES);
  switch (kind) {
    case KIND.init:
      return decodeInit(reader, id);
    case KIND.chunk:
      return { kind: 'chunk', id, offset: reader.u64(), bytes: reader.rest() };
    case KIND.ack:
      return { kind: 'ack', id, offset: reader.u64() };
    case KIND.done:
      return { kind: 'done', id };
    case KIND.initAck: {
      const offset = reader.u64();
      const hasHash = reader.remaining >= SHA256_BYTES;
      return {
        kind: 'initAck',
        id,
        offset,
        sha256: hasHash ? reader.bytes(SHA256_BYTES) : undefined,
      };
    }
    case KIND.complete:
      return { kind: 'complete', id, code: reader.u8(), text: textOf(reader) };
    case KIND.abort:
      return { kind: 'abort', id, reason: textOf(reader) };
    default:
      return undefined;
  }
}

function decodeInit(reader: ByteReader, id: Uint8Array): FileInit {
  const size = reader.u64();
  const sha256 = reader.bytes(SHA256_BYTES);
  const chunkBytes = reader.u32();
  const name = reader.bytes(reader.u16());
  const folder = reader.remaining >= 2 ? reader.bytes(reader.u16()) : undefined;
  if (!Buffer.from(sha256).subarray(0, FILE_ID_BYTES).equals(id)) {
    throw new WireError('the id is not the first half of the SHA-256');
  }
  return { kind: 'init', id, size, sha256, chunkBytes, name, folder };
}

function begin(kind: number, id: Uint8Array): ByteWriter {
  return new ByteWriter(128).u8(kind).bytes(id);
}

function framed(writer: ByteWriter): Uint8Array {
  return exchangeFrame(EXCHANGE_TYPE.fileStream, writer.finish());
}

function textOf(reader: ByteReader): string {
  return Buffer.from(reader.bytes(Math.min(reader.remaining, MAX_TEXT_BYTES))).toString('utf8');
}
