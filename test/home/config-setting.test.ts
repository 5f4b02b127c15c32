import { describe, expect, test } from 'vitest';

import { configKeys, validateConfigText } from '../../src/home/config.ts';
import { REFUSED_BY_KEY, REFUSED_BY_KIND } from './refused-settings.ts';

const FILE = 'config.yaml';

/** A file with one setting, and the column at which its value begins. */
function fileWith(key: string, source: string): { text: string; line: number; column: number } {
  const names = key.split('.');
  const lines = names.map((name, depth) => `${'  '.repeat(depth)}${name}:`);
  const last = lines.at(-1) ?? '';
  return { text: `${lines.join('\n')} ${source}\n`, line: names.length, column: last.length + 2 };
}

describe('every setting refuses what it is not', () => {
  const keys = configKeys();

  test('no setting is missing from the table', () => {
    expect(Object.keys(REFUSED_BY_KEY)).toEqual(keys.map(({ key }) => key));
  });

  for (const { key, kind, type, secret, default: value } of keys) {
    const refused = [...(REFUSED_BY_KIND[kind] ?? []), ...(REFUSED_BY_KEY[key] ?? [])];
    test(`${key}: ${refused.length} values`, () => {
      expect(refused.length).toBeGreaterThan(2);
      for (const [source, found, hint] of refused) {
        const { text, line, column } = fileWith(key, source);
        const problems = validateConfigText(text, FILE);
        expect(problems, text).toHaveLength(1);
        const isItem = source.startsWith('[') && problems[0]?.column === column + 1;
        expect(problems[0], text).toMatchObject({ file: FILE, line, key });
        expect(problems[0]?.column, text).toBe(isItem ? column + 1 : column);
        expect(problems[0]?.message, text).toMatch(/^expected .*, found /);
        expect(problems[0]?.message, text).toContain(
          `, found ${secret ? 'something else' : found}`,
        );
        if (hint !== undefined) expect(problems[0]?.hint, text).toBe(hint);
      }
    });

    test(`${key}: says what it expects`, () => {
      const [nothing] = validateConfigText(fileWith(key, '').text, FILE);
      expect(nothing?.message).toBe(
        `expected ${type}, found ${secret ? 'something else' : 'nothing'}`,
      );
      expect(nothing?.hint).toBe('remove the line to have the default');
      expect(nothing?.column).toBe(2 * (key.split('.').length - 1) + 1);
    });

    test(`${key}: takes its own default`, () => {
      expect(validateConfigText(fileWith(key, JSON.stringify(value)).text, FILE)).toEqual([]);
    });
  }
});
