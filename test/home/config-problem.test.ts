import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

import { formatConfigProblem, validateConfigText } from '../../src/home/config.ts';

const FILE = 'config.yaml';

describe('names that are not known', () => {
  const unknown: readonly [text: string, place: string, hint: string | undefined][] = [
    [
      'messaging: { max_paylod_kb: 1 }',
      '1:14: messaging.max_paylod_kb',
      'did you mean messaging.max_payload_kb?',
    ],
    ['mesaging:\n  expiry: 1d\n', '1:1: mesaging', 'did you mean messaging?'],
    ['# a note\n\nexpiry: 1d\n', '3:1: expiry', 'did you mean messaging.expiry?'],
    [
      'protocol:\n  relays: [wss://a]\n',
      '2:3: protocol.relays',
      'did you mean protocol.connection.relays?',
    ],
    ['__proto__: { x: 1 }', '1:1: __proto__', undefined],
    ['constructor: 1', '1:1: constructor', undefined],
    ['"": 1', '1:1: ', undefined],
  ];
  test.each(unknown)('%j', (text, place, hint) => {
    const problems = validateConfigText(text, FILE);
    expect(problems.map(formatConfigProblem)).toEqual([
      `${FILE}:${place === '1:1: ' ? '1:1' : place}: is not a known setting`,
    ]);
    expect(problems[0]?.hint).toBe(hint);
  });

  test('all are found, in their order, one for each place', () => {
    const text = 'a: 1\nnode:\n  hostname: A B\n  b: 2\ntrust: yes\n';
    expect(
      validateConfigText(text, FILE).map(({ line, column, key }) => [line, column, key]),
    ).toEqual([
      [1, 1, 'a'],
      [3, 13, 'node.hostname'],
      [4, 3, 'node.b'],
      [5, 8, 'trust'],
    ]);
  });

  test('no more than twenty are told', () => {
    const names = Array.from({ length: 500 }, (_, index) => `name_${index}: 1`);
    expect(validateConfigText(names.join('\n'), FILE)).toHaveLength(20);
  });
});

describe('text that is not one plain YAML document', () => {
  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x]',
    'b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]',
    'c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]',
    'd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]',
  ].join('\n');
  const refused: readonly [name: string, text: string, problem: string][] = [
    ['a list', '- a\n', '1:1: expected a section with settings below it, found a list of 1'],
    ['plain text', 'hello', '1:1: expected a section with settings below it, found "hello"'],
    [
      'a section that is a list',
      'trust:\n  - a\n',
      '2:3: trust: expected a section with settings below it, found a list of 1',
    ],
    [
      'a key that stands twice',
      'node:\n  hostname: a\n  hostname: b\n',
      '3:3: this key stands twice in its section',
    ],
    [
      'a second document',
      'node: {}\n---\nnode: {}\n',
      '2:1: a second document begins here; a configuration is one document',
    ],
    ['a reference', 'node: &n {}\ntrust: *n\n', '2:8: references (*name) are not supported'],
    ['references that multiply', bomb, '2:8: references (*name) are not supported'],
    ['a key that is a list', '? [a]\n: 1\n', '1:3: a key must be plain text'],
    [
      'a tag of a program',
      'node: !!js/function a\n',
      '1:7: is not YAML: Unresolved tag: tag:yaml.org,2002:js/function',
    ],
    ['brackets without end', '['.repeat(20_000), 'is nested too deeply'],
    ['dashes without end', '- '.repeat(20_000), 'is nested too deeply'],
    [
      'a tab for indentation',
      'node:\n\thostname: a\n',
      '2:1: is not YAML: Tabs are not allowed as indentation',
    ],
    ['too much of it', `#${'x'.repeat(256 * 1024)}`, '1:1: is larger than 256 KiB'],
  ];
  test.each(refused)('%s', (_name, text, problem) => {
    const problems = validateConfigText(text, FILE);
    expect(problems.map(formatConfigProblem).join('\n')).toContain(problem);
    expect(problems.length).toBeLessThanOrEqual(20);
  });
});

test('no text makes it throw; every problem has a place in it', { timeout: 20_000 }, () => {
  const names = ['node', 'trust', 'hostname', '__proto__', 'toString', '*a', '&a x', '!x'];
  const tree = fc.object({
    key: fc.constantFrom(...names),
    values: [fc.string(), fc.double(), fc.boolean(), fc.constant(null)],
    maxDepth: 2,
    maxKeys: 4,
  });
  const pieces = 'node:|hostname: x| |\n|- |[|}|"|&a|*a|---\n|? |#|>|!!set '.split('|');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    tree.map((value) => stringify(value)),
    fc.array(fc.constantFrom(...pieces)).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (source) => {
      const lines = source.split('\n').length;
      for (const { line, column } of validateConfigText(source, FILE)) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines);
        expect(column).toBeGreaterThanOrEqual(1);
      }
    }),
    { numRuns: 150 },
  );
});
