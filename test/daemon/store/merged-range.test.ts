import fc from 'fast-check';
import { expect, test } from 'vitest';

import { mergedRange } from '../../../src/daemon/store/merged-range.ts';
import { entryOf, Overlay } from '../../../src/daemon/store/overlay.ts';
import type { Write } from '../../../src/daemon/store/storage.ts';

const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 200 }).map((k) => Uint8Array.from(k));
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ table: fc.constant('seen' as const), key, value: key }),
  fc.record({ table: fc.constant('seen' as const), key }),
);

function rowsOf(writes: readonly Write[]): (readonly [Uint8Array, Uint8Array])[] {
  const rows = new Map<string, readonly [Uint8Array, Uint8Array]>();
  for (const { key: at, value } of writes) {
    if (value === undefined) rows.delete(String(at));
    else rows.set(String(at), [at, value]);
  }
  return [...rows.values()].sort(([a], [b]) => Buffer.compare(a, b));
}

test('rows under overlays are what they would be with everything written', () => {
  const writes = fc.array(write, { maxLength: 30 });
  fc.assert(
    fc.property(
      fc.tuple(writes, writes, writes),
      fc.option(key, { nil: undefined }),
      fc.option(fc.nat(20), { nil: undefined }),
      ([below, older, newer], start, limit) => {
        const isInRange = (at: Uint8Array) => start === undefined || Buffer.compare(at, start) >= 0;
        const rows = rowsOf(below).filter(([at]) => isInRange(at));
        const overlays = [newer, older].map((layer) => Overlay.of(layer.map(entryOf)));
        const range = { ...(start && { start }), ...(limit !== undefined && { limit }) };
        const found = [...mergedRange({ table: 'seen', rows, overlays }, range)];
        const all = rowsOf([...below, ...older, ...newer]).filter(([at]) => isInRange(at));
        const plain = found.map(([at, value]) => [new Uint8Array(at), new Uint8Array(value)]);
        expect(plain).toEqual(all.slice(0, limit));
      },
    ),
  );
});
