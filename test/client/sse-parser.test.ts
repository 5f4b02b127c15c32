import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { utf8 } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/wire-error.ts';
import { type ServerSentEvent, SseParser } from '../../src/client/sse-parser.ts';

function parse(text: string, cuts: readonly number[] = []): ServerSentEvent[] {
  const bytes = utf8(text);
  const parser = new SseParser();
  const edges = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  return [...edges, bytes.length].flatMap((edge) => {
    const part = bytes.subarray(start, edge);
    start = edge;
    return parser.push(part);
  });
}

describe('WHATWG HTML 9.2.6', () => {
  test.each([
    ['event: a\ndata: 1\n\n', [{ name: 'a', data: '1' }]],
    ['data:no space\n\n', [{ name: 'message', data: 'no space' }]],
    ['data:  two spaces\n\n', [{ name: 'message', data: ' two spaces' }]],
    ['data: one\ndata: two\n\n', [{ name: 'message', data: 'one\ntwo' }]],
    ['data\n\n', [{ name: 'message', data: '' }]],
    [': comment\n\n', []],
    ['event: lonely\n\ndata: x\n\n', [{ name: 'message', data: 'x' }]],
    ['id: 7\nretry: 10\ndata: x\n\n', [{ name: 'message', data: 'x' }]],
    [
      '\uFEFFdata: after a byte order mark\n\n',
      [{ name: 'message', data: 'after a byte order mark' }],
    ],
    [
      'data: cr\r\rdata: crlf\r\n\r\n',
      [
        { name: 'message', data: 'cr' },
        { name: 'message', data: 'crlf' },
      ],
    ],
    ['data: not finished\n', []],
  ])('%j', (text, events) => {
    expect(parse(text)).toEqual(events);
  });
});

const text = fc.string({ unit: 'grapheme' }).map((value) => value.replace(/[\r\n]/g, ''));

test('where the bytes are cut does not matter', () => {
  const ending = fc.constantFrom('\n', '\r\n', '\r');
  const event = fc.record({ name: text, lines: fc.array(text, { minLength: 1, maxLength: 3 }) });
  fc.assert(
    fc.property(fc.array(event), ending, fc.array(fc.nat(500)), (events, end, cuts) => {
      const stream = events.map(
        ({ name, lines }) =>
          `event: ${name}${end}${lines.map((line) => `data: ${line}${end}`).join('')}${end}`,
      );
      expect(parse(stream.join(''), cuts)).toEqual(
        events.map(({ name, lines }) => ({
          name: name === '' ? 'message' : name,
          data: lines.join('\n'),
        })),
      );
    }),
  );
});

test('any bytes give events or a WireError', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
      const parser = new SseParser(64);
      try {
        for (const chunk of chunks) parser.push(chunk);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
  );
});

describe('limits', () => {
  test('a line without an end', () => {
    const parser = new SseParser(1000);
    parser.push(utf8('x'.repeat(900)));
    expect(() => parser.push(utf8('x'.repeat(200)))).toThrow(WireError);
  });

  test('an event of endless lines', () => {
    const parser = new SseParser(1000);
    const line = utf8(`data: ${'x'.repeat(90)}\n`);
    expect(() => {
      for (let i = 0; i < 20; i++) parser.push(line);
    }).toThrow(WireError);
  });

  test('short events without end are fine', () => {
    const parser = new SseParser(1000);
    let count = 0;
    for (let i = 0; i < 500; i++) count += parser.push(utf8('data: 1234567890\n\n')).length;
    expect(count).toBe(500);
  });
});
