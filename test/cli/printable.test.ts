import fc from 'fast-check';
import { expect, test } from 'vitest';

import { columns, jsonText } from '../../src/cli/output.ts';
import { jsonLine, oneLine, printable } from '../../src/cli/printable.ts';

test.each([
  ['two\nlines\r\nand\rmore', 'two\\nlines\\nand\\nmore', 'two\nlines\nand\\u000dmore'],
  ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007', '\\u001b]0;title\\u0007'],
  ['C1 \u009b31m', 'C1 \\u009b31m', 'C1 \\u009b31m'],
  ['a\u2028b', 'a\\u2028b', 'a\\u2028b'],
  ['tab\tstays, ä and 🙂 too', 'tab\tstays, ä and 🙂 too', 'tab\tstays, ä and 🙂 too'],
])('%j', (text, line, lines) => {
  expect(oneLine(text)).toBe(line);
  expect(printable(text)).toBe(lines);
});

const unsafe = /[\p{Cc}\u2028\u2029]/u;
const anything = fc.string({ unit: 'binary' });

test('nothing that a peer writes controls a terminal or ends a line', () => {
  fc.assert(
    fc.property(anything, (text) => {
      expect(oneLine(text).replaceAll('\t', '')).not.toMatch(unsafe);
      expect(printable(text).replace(/[\t\n]/g, '')).not.toMatch(unsafe);
    }),
  );
});

test('JSON on one line says the same', () => {
  fc.assert(
    fc.property(anything, (text) => {
      const pretty = jsonLine(JSON.stringify({ [text]: [text] }, null, 2));
      expect(pretty).not.toMatch(/[\n\r\u2028\u2029]/);
      expect(JSON.parse(pretty)).toEqual({ [text]: [text] });
      expect(JSON.parse(jsonText(text))).toBe(text);
    }),
  );
});

test('columns stay aligned whatever is in them', () => {
  expect(
    columns([
      ['a', 'long cell', ''],
      ['line\nend', 'x', 'last'],
    ]),
  ).toBe('a          long cell\nline\\nend  x          last');
});
