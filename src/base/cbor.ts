/**
 * The part of CBOR (RFC 8949) that our wire formats use: integers of at most 53 bits, doubles, byte
 * and text strings, arrays, maps with text keys, true, false, null. Definite lengths only, no tags.
 *
 * Encoding is cbor-x's. Decoding is written out here because a decoder that also knows tags, records
 * and shared references gives strangers ways to make it work hard; this one does work in
 * proportion to the bytes it reads and builds nothing but the values above.
 */
import { Encoder } from 'cbor-x';

import { ByteReader } from './byte-reader.ts';
import { plainBytes } from './bytes.ts';
import { WireError } from './wire-error.ts';

export type CborValue =
  number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap;
export type CborMap = ReadonlyMap<string, CborValue>;

/** Deeper nesting is malformed: no message of ours has more than four levels. */
const MAX_DEPTH = 8;
/** More values are malformed. Bytes cost nothing to read, values some 50 ns each: this bounds the work at a millisecond. */
const MAX_VALUES = 16_384;

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 };
const SIMPLE = { false: 20, true: 21, null: 22, float64: 27 };

const encoder = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  tagUint8Array: false,
});
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Encodes plain objects, arrays, bytes, text, numbers and booleans; members that are undefined are left out. */
export function encodeCbor(value: object): Uint8Array {
  return plainBytes(encoder.encode(Array.isArray(value) ? value : withoutUndefined(value)));
}

/** One value, and nothing after it. Byte strings are views into `bytes`. */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const reader = new ByteReader(plainBytes(bytes));
  const value = new ValueReader(reader).read(0);
  if (reader.remaining > 0) throw new WireError('bytes after the CBOR value');
  return value;
}

function withoutUndefined(value: object): object {
  const members = Object.entries(value);
  if (members.every(([, member]) => member !== undefined)) return value;
  return Object.fromEntries(members.filter(([, member]) => member !== undefined));
}

class ValueReader {
  readonly #reader: ByteReader;
  #left = MAX_VALUES;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  read(depth: number): CborValue {
    if (depth > MAX_DEPTH) throw new WireError('CBOR nested too deep');
    this.#left -= 1;
    if (this.#left < 0) throw new WireError('too many CBOR values');
    const initial = this.#reader.u8();
    const major = initial >> 5;
    const info = initial & 0x1f;
    if (major === MAJOR.simple) return readSimple(this.#reader, info);
    const argument = readArgument(this.#reader, info);
    switch (major) {
      case MAJOR.unsigned:
        return argument;
      case MAJOR.negative:
        return -1 - argument;
      case MAJOR.bytes:
        return this.#reader.bytes(argument);
      case MAJOR.text:
        return readText(this.#reader, argument);
      case MAJOR.array:
        return this.#readArray(argument, depth);
      case MAJOR.map:
        return this.#readMap(argument, depth);
      default:
        throw new WireError('CBOR tags are not used here');
    }
  }

  #readArray(length: number, depth: number): CborValue[] {
    const values: CborValue[] = [];
    for (let i = 0; i < length; i++) values.push(this.read(depth + 1));
    return values;
  }

  #readMap(length: number, depth: number): CborMap {
    const map = new Map<string, CborValue>();
    for (let i = 0; i < length; i++) {
      const key = this.read(depth + 1);
      if (typeof key !== 'string') throw new WireError('CBOR map key is not text');
      if (map.has(key)) throw new WireError(`CBOR map has ${key.slice(0, 32)} twice`);
      map.set(key, this.read(depth + 1));
    }
    return map;
  }
}

function readSimple(reader: ByteReader, info: number): CborValue {
  switch (info) {
    case SIMPLE.false:
      return false;
    case SIMPLE.true:
      return true;
    case SIMPLE.null:
      return null;
    case SIMPLE.float64: {
      const { buffer, byteOffset } = reader.bytes(8);
      return new DataView(buffer, byteOffset, 8).getFloat64(0);
    }
    default:
      throw new WireError(`CBOR simple value ${info} is not used here`);
  }
}

function readArgument(reader: ByteReader, info: number): number {
  if (info < 24) return info;
  switch (info) {
    case 24:
      return reader.u8();
    case 25:
      return reader.u16();
    case 26:
      return reader.u32();
    case 27:
      return reader.u64();
    default:
      throw new WireError('CBOR of indefinite length is not used here');
  }
}

function readText(reader: ByteReader, length: number): string {
  const bytes = reader.bytes(length);
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WireError('text is not UTF-8');
  }
}
