import type { TableName, Write } from './storage.ts';

/** Small, since there are tens of thousands: views are made when somebody wants them. */
export interface OverlayEntry {
  readonly table: TableName;
  /** The key as text that compares as its bytes do: one character for each. */
  readonly text: string;
  /** Where the value stands in `bytes`; without those the key is removed. */
  readonly bytes: Uint8Array | undefined;
  readonly start: number;
  readonly end: number;
}

/** The last write to each key: what lies over the tables until it is in them. */
export class Overlay {
  readonly #tables = new Map<TableName, Map<string, OverlayEntry>>();

  static of(entries: Iterable<OverlayEntry>): Overlay {
    const overlay = new Overlay();
    for (const entry of entries) overlay.#put(entry);
    return overlay;
  }

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  get(table: TableName, text: string): OverlayEntry | undefined {
    return this.#tables.get(table)?.get(text);
  }

  entriesOf(table: TableName): Iterable<OverlayEntry> {
    return this.#tables.get(table)?.values() ?? [];
  }

  /** Puts what is later on top of this. */
  absorb(later: Overlay): void {
    for (const entries of later.#tables.values()) {
      for (const entry of entries.values()) this.#put(entry);
    }
  }

  /** Table by table. */
  *writes(): Iterable<Write> {
    for (const entries of this.#tables.values()) {
      for (const entry of entries.values()) yield writeOf(entry);
    }
  }

  #put(entry: OverlayEntry): void {
    let entries = this.#tables.get(entry.table);
    if (entries === undefined) {
      entries = new Map();
      this.#tables.set(entry.table, entries);
    }
    entries.set(entry.text, entry);
  }
}

export function entryOf({ table, key, value }: Write): OverlayEntry {
  const end = value?.length ?? 0;
  return { table, text: textOfKey(key), bytes: value, start: 0, end };
}

function writeOf(entry: OverlayEntry): Write {
  const { table, text } = entry;
  const value = valueOf(entry);
  const key = keyOfText(text);
  return value === undefined ? { table, key } : { table, key, value };
}

export function valueOf({ bytes, start, end }: OverlayEntry): Uint8Array | undefined {
  return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

export function textOfKey(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

export function keyOfText(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
