import { type CborMap, type CborValue, decodeCbor } from './cbor.ts';
import { WireError } from './wire-error.ts';

interface Length {
  readonly exactly?: number;
  readonly atMost?: number;
}

/**
 * The members of a received map, each read as what it must be. Members nobody reads are ignored, so
 * that a later version can add some. A missing member and one that is `null` are the same.
 */
export class CborFields {
  readonly #map: CborMap;

  constructor(map: CborMap) {
    this.#map = map;
  }

  static decode(bytes: Uint8Array): CborFields {
    return CborFields.of(decodeCbor(bytes), 'message');
  }

  static of(value: CborValue, what: string): CborFields {
    if (value instanceof Map) return new CborFields(value as CborMap);
    throw new WireError(`${what} is not a map`);
  }

  has(name: string): boolean {
    return (this.#map.get(name) ?? null) !== null;
  }

  bytes(name: string, length: Length): Uint8Array {
    const value = this.#map.get(name);
    if (!(value instanceof Uint8Array)) throw new WireError(`${name} is not bytes`);
    return checkLength(name, value, length);
  }

  text(name: string, length: Length): string {
    const value = this.#map.get(name);
    if (typeof value !== 'string') throw new WireError(`${name} is not text`);
    return checkLength(name, value, length);
  }

  /** A whole number from 0 to 2^53 - 1, also where it came as a double (as some encoders send large ones). */
  count(name: string): number {
    const value = this.#map.get(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw new WireError(`${name} is not a whole number`);
    }
    return value;
  }

  flag(name: string): boolean {
    const value = this.#map.get(name);
    if (typeof value !== 'boolean') throw new WireError(`${name} is not true or false`);
    return value;
  }

  list(name: string, length: Length): readonly CborValue[] {
    const value = this.#map.get(name);
    if (!Array.isArray(value)) throw new WireError(`${name} is not an array`);
    return checkLength(name, value as readonly CborValue[], length);
  }

  /** An array of byte strings that are all `each` bytes long. */
  bytesList(name: string, length: Length & { readonly each: number }): readonly Uint8Array[] {
    return this.list(name, length).map((item) => {
      if (!(item instanceof Uint8Array) || item.length !== length.each) {
        throw new WireError(`an item of ${name} is not ${length.each} bytes`);
      }
      return item;
    });
  }

  map(name: string): CborFields {
    return CborFields.of(this.#map.get(name) ?? null, name);
  }
}

function checkLength<T extends { readonly length: number }>(
  name: string,
  value: T,
  { exactly, atMost }: Length,
): T {
  if (exactly !== undefined && value.length !== exactly) {
    throw new WireError(`${name} has length ${value.length}, not ${exactly}`);
  }
  if (atMost !== undefined && value.length > atMost) {
    throw new WireError(`${name} is longer than ${atMost}`);
  }
  return value;
}
