import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { LineSplitter } from '../../src/base/line-splitter.ts';
import { WireError } from '../../src/base/wire-error.ts';

/** Every line that can be had after each push. */
function linesOf(chunks: readonly Buffer[], maxLineBytes = 100): string[] {
  const splitter = new LineSplitter(maxLineBytes);
  const lines: string[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let line = splitter.next(); line !== undefined; line = splitter.next()) lines.push(line);
  }
  return lines;
}

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  let offset = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return [...chunks, bytes.subarray(offset)];
};

describe('lines', () => {
  test.each([
    ['nothing', '', []],
    ['none that has ended', 'ab', []],
    ['one', 'ab\n', ['ab']],
    ['empty ones', '\n\nab\n\n', ['', '', 'ab', '']],
    ['a carriage return is of the line', 'ab\r\n', ['ab\r']],
    ['a zero byte too', 'a\0b\n', ['a\0b']],
  ])('%s', (_what, text, lines) => {
    expect(linesOf([Buffer.from(text)])).toEqual(lines);
  });

  test('come out as they went in, however the bytes are cut', () => {
    const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ''));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(9)), (lines, sizes) => {
        const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
        expect(linesOf(cut(bytes, sizes), 1000)).toEqual(
          lines.map((each) => Buffer.from(each).toString()),
        );
      }),
    );
  });

  test('wait until they are asked for', () => {
    const splitter = new LineSplitter(100);
    for (const text of ['a\nb', 'c\nd\n', 'e']) splitter.push(Buffer.from(text));
    expect([splitter.next(), splitter.next(), splitter.next()]).toEqual(['a', 'bc', 'd']);
    expect(splitter.next()).toBeUndefined();
    splitter.push(Buffer.from('\n'));
    expect(splitter.next()).toBe('e');
  });
});

describe('the limit', () => {
  test.each([[[]], [[1, 1, 1]], [[4]]])('counts bytes without the LF, cut at %j', (sizes) => {
    expect(linesOf(cut(Buffer.from('aé1\n'), sizes), 4)).toEqual(['aé1']);
    expect(() => linesOf(cut(Buffer.from('aé12\n'), sizes), 4)).toThrow(WireError);
  });

  test('holds before a line has ended', () => {
    expect(() => linesOf([Buffer.from('abc'), Buffer.from('de')], 4)).toThrow('more than 4 bytes');
  });
});

test('random bytes give lines or a WireError, nothing else', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)));
  fc.assert(
    fc.property(chunks, (bytes) => {
      try {
        for (const line of linesOf(bytes, 30)) expect(Buffer.byteLength(line)).toBeLessThan(31);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
  );
});
