import fc from 'fast-check';
import { expect, test } from 'vitest';

import { locateJsonError } from '../../src/base/json-error.ts';

test.each([
  ['', 0],
  ['   ', 3],
  ['{"a":x}', 5],
  ['{"a":1,}', 7],
  ['{"a":1', 6],
  ['{"a" 1}', 5],
  ['{a:1}', 1],
  ['[1 2]', 3],
  ['[1,]', 3],
  ['[1}', 2],
  ['"open', 5],
  ['"tab\tinside"', 4],
  ['"\\q"', 1],
  ['"\\u12G4"', 1],
  ['01', 1],
  ['-', 1],
  ['1.', 1],
  ['nul', 0],
  ['{} {}', 3],
  ["{'a':1}", 1],
])('%j breaks at %i', (text, offset) => {
  expect(locateJsonError(text)?.offset).toBe(offset);
});

test('lines and columns count from one', () => {
  expect(locateJsonError('{\n  "a": 1,\n  b\n}')).toEqual({ offset: 14, line: 3, column: 3 });
});

test('depth costs no stack', () => {
  expect(locateJsonError('['.repeat(500_000))?.offset).toBe(500_000);
});

test('agrees with JSON.parse about what is JSON', () => {
  const mutated = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '}', ']', '"', '0', 'e', '\\', ' '))
    .map(([json, at, insert]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + insert + json.slice(place + (at % 2));
    });
  fc.assert(
    fc.property(fc.oneof(fc.json(), mutated, fc.string()), (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect(locateJsonError(text) === undefined).toBe(valid);
    }),
    { numRuns: 2000 },
  );
});
