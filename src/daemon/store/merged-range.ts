import { keyOfText, type Overlay, type OverlayEntry, textOfKey, valueOf } from './overlay.ts';
import type { Range, TableName } from './storage.ts';

type Row = readonly [Uint8Array, Uint8Array];

interface Layers {
  readonly table: TableName;
  /** In the order of their keys, from `start` of the range on. */
  readonly rows: Iterable<Row>;
  /** Newest first. */
  readonly overlays: readonly Overlay[];
}

/** The rows of a table with overlays on top of them, in the order of their keys. */
export function* mergedRange({ table, rows, overlays }: Layers, range: Range): Iterable<Row> {
  const { start, limit = Infinity } = range;
  let left = limit;
  for (const row of merge(rows, sorted(table, overlays, start))) {
    if (left === 0) return;
    left -= 1;
    yield row;
  }
}

function* merge(rows: Iterable<Row>, over: readonly OverlayEntry[]): Iterable<Row> {
  let next = 0;
  for (const row of rows) {
    const text = textOfKey(row[0]);
    let entry = over[next];
    for (; entry !== undefined && entry.text < text; entry = over[next]) {
      yield* rowOf(entry);
      next += 1;
    }
    if (entry?.text === text) continue; // comes with the rows after it
    yield row;
  }
  for (const entry of over.slice(next)) yield* rowOf(entry);
}

function* rowOf(entry: OverlayEntry): Iterable<Row> {
  const value = valueOf(entry);
  if (value !== undefined) yield [keyOfText(entry.text), value];
}

function sorted(
  table: TableName,
  overlays: readonly Overlay[],
  start: Uint8Array | undefined,
): OverlayEntry[] {
  const from = start === undefined ? '' : textOfKey(start);
  const newest = new Map<string, OverlayEntry>();
  for (const overlay of [...overlays].reverse()) {
    for (const entry of overlay.entriesOf(table)) {
      if (entry.text >= from) newest.set(entry.text, entry);
    }
  }
  return [...newest.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
}
