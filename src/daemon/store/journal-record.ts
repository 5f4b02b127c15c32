/**
 * One record of the journal: what one group commit writes, all or nothing.
 *
 *     length     4   of the body
 *     checksum   4   CRC-32 over salt, length, sequence, body
 *     sequence   8   one more than that of the record before
 *     body           writes, one after the other:
 *                    table 1, flags 1 (bit 0: there is a value), key length 2, value length 4, key, value
 *     zeros          up to a whole block
 *
 * Numbers are big-endian. A record begins and ends with a block of 4096 bytes, the sector of today's disks and the page of
 * the kernel: writing one, and a power cut while that is done, cannot harm the record before. The salt is the database's
 * own (8 random bytes, `lmdb-tables.ts`): records of another database are not taken for ours, and nobody can send
 * a payload that looks like one.
 */
import { crc32 } from 'node:zlib';

import { ByteReader } from '../../base/byte-reader.ts';
import { plainBytes } from '../../base/bytes.ts';
import { WireError } from '../../base/wire-error.ts';
import type { OverlayEntry } from './overlay.ts';
import { TABLES, type Write } from './storage.ts';

export const BLOCK_BYTES = 4096;

const HEADER_BYTES = 16;
const SEQUENCE_AT = 8;
const WRITE_HEADER_BYTES = 8;
const HAS_VALUE = 1;

/** A record that is being made: it has its sequence number when it is its turn. */
export interface JournalRecord {
  /** Whole blocks. */
  readonly bytes: Buffer;
  readonly bodyBytes: number;
  /** The writes, their values in `bytes`: what they came in may go, or be used again. */
  readonly entries: readonly OverlayEntry[];
}

export interface FoundRecord {
  readonly sequence: number;
  /** The first byte after its blocks. */
  readonly end: number;
  readonly body: Uint8Array;
}

/** What `writes` take in a record's body. */
export function bodyBytesOf(writes: readonly Write[]): number {
  let bytes = 0;
  for (const { key, value } of writes) {
    bytes += WRITE_HEADER_BYTES + key.length + (value?.length ?? 0);
  }
  return bytes;
}

/** What a record with that body takes in a file. */
export function recordBytesOf(bodyBytes: number): number {
  return Math.ceil((HEADER_BYTES + bodyBytes) / BLOCK_BYTES) * BLOCK_BYTES;
}

export function makeRecord(writes: readonly Write[]): JournalRecord {
  const bodyBytes = bodyBytesOf(writes);
  const bytes = Buffer.alloc(recordBytesOf(bodyBytes));
  const entries: OverlayEntry[] = [];
  let at = HEADER_BYTES;
  for (const { table, key, value } of writes) {
    bytes.writeUInt8(TABLES.indexOf(table), at);
    bytes.writeUInt8(value === undefined ? 0 : HAS_VALUE, at + 1);
    bytes.writeUInt16BE(key.length, at + 2);
    bytes.writeUInt32BE(value?.length ?? 0, at + 4);
    const keyAt = at + WRITE_HEADER_BYTES;
    const start = keyAt + key.length;
    const end = start + (value?.length ?? 0);
    bytes.set(key, keyAt);
    if (value !== undefined) bytes.set(value, start);
    const text = bytes.toString('latin1', keyAt, start);
    entries.push({ table, text, bytes: value && bytes, start, end });
    at = end;
  }
  return { bytes, bodyBytes, entries };
}

/** Gives it its place in the sequence, and makes it valid. May be done again for a later try. */
export function sealRecord(record: JournalRecord, salt: Uint8Array, sequence: number): void {
  const { bytes, bodyBytes } = record;
  bytes.writeUInt32BE(bodyBytes, 0);
  bytes.writeBigUInt64BE(BigInt(sequence), SEQUENCE_AT);
  bytes.writeUInt32BE(checksumOf(bytes, salt, bodyBytes), 4);
}

/** Every valid record in a journal file, also after invalid blocks. */
export function* findRecords(file: Uint8Array, salt: Uint8Array): Iterable<FoundRecord> {
  let at = 0;
  while (at + HEADER_BYTES <= file.length) {
    const found = recordAt(file, at, salt);
    if (found !== undefined) yield found;
    at = found?.end ?? at + BLOCK_BYTES;
  }
}

function recordAt(file: Uint8Array, at: number, salt: Uint8Array): FoundRecord | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset + at, file.length - at);
  const bodyBytes = bytes.readUInt32BE(0);
  if (bodyBytes === 0 || recordBytesOf(bodyBytes) > bytes.length) return undefined;
  const sequence = Number(bytes.readBigUInt64BE(SEQUENCE_AT));
  if (!Number.isSafeInteger(sequence)) return undefined;
  if (bytes.readUInt32BE(4) !== checksumOf(bytes, salt, bodyBytes)) return undefined;
  const body = plainBytes(bytes.subarray(HEADER_BYTES, HEADER_BYTES + bodyBytes));
  return { sequence, end: at + recordBytesOf(bodyBytes), body };
}

function checksumOf(bytes: Buffer, salt: Uint8Array, bodyBytes: number): number {
  const withLength = crc32(bytes.subarray(0, 4), crc32(salt));
  return crc32(bytes.subarray(SEQUENCE_AT, HEADER_BYTES + bodyBytes), withLength);
}

/** WireError: valid, but not what this program writes. Keys and values are views. */
export function decodeWrites(body: Uint8Array): Write[] {
  const reader = new ByteReader(body);
  const writes: Write[] = [];
  while (reader.remaining > 0) {
    const number = reader.u8();
    const table = TABLES[number];
    if (table === undefined) throw new WireError(`no table ${number}`);
    const hasValue = (reader.u8() & HAS_VALUE) !== 0;
    const keyBytes = reader.u16();
    const valueBytes = reader.u32();
    const key = reader.bytes(keyBytes);
    const value = reader.bytes(valueBytes);
    writes.push(hasValue ? { table, key, value } : { table, key });
  }
  return writes;
}
