import { describe, expect, test } from 'vitest';

import { takeJson, takeOptions } from '../../src/cli/grammar.ts';
import { choice, count, duration, list, text, toggle } from '../../src/cli/option.ts';

const specs = {
  data: text('TEXT', ''),
  relay: list('URL', ''),
  full: toggle(''),
  autoApprove: toggle(''),
  noEncrypt: toggle(''),
  wait: duration('', { bare: '30s' }),
  socket: text('PATH', '', { bare: '/tmp/s', isValue: (next) => next.startsWith('/') }),
  limit: count('', { initial: 10, max: 100 }),
  type: choice(['text', 'json'], ''),
};

function take(...tokens: string[]): {
  texts: Record<string, readonly string[]>;
  rest: readonly string[];
} {
  const { texts, rest } = takeOptions(tokens, specs);
  return { texts: Object.fromEntries(texts), rest };
}

describe('pilotctl interface 1.2', () => {
  test.each<[string[], Record<string, string[]>, string[]]>([
    [['--data=x', 'bob'], { data: ['x'] }, ['bob']],
    [['bob', '--data', 'x'], { data: ['x'] }, ['bob']],
    [['-data', 'x', 'bob'], { data: ['x'] }, ['bob']],
    [['-data=x'], { data: ['x'] }, []],
    [['--data='], { data: [''] }, []],
    [['--data', ''], { data: [''] }, []],
    [['--data', '-'], { data: ['-'] }, []],
    [['--data', '-5'], { data: ['-5'] }, []],
    [['--data', '-x'], { data: ['-x'] }, []],
    [['--data=--x'], { data: ['--x'] }, []],
    [['--data=a=b\nc'], { data: ['a=b\nc'] }, []],
    [['--relay', 'a', 'x', '--relay', 'b'], { relay: ['a', 'b'] }, ['x']],
    [['--full'], { full: [''] }, []],
    [['--full', 'true', 'x'], { full: ['true'] }, ['x']],
    [['--full', 'false'], { full: ['false'] }, []],
    [['--full=1'], { full: ['1'] }, []],
    [['--full', 'bob'], { full: [''] }, ['bob']],
    [['--full', ''], { full: [''] }, ['']],
    [['--auto-approve', '--no-encrypt'], { autoApprove: [''], noEncrypt: [''] }, []],
    [['--socket', 'bob'], { socket: ['/tmp/s'] }, ['bob']],
    [['--socket', '/run/s', 'bob'], { socket: ['/run/s'] }, ['bob']],
    [['--wait', 'bob'], { wait: ['30s'] }, ['bob']],
    [['--wait', '5', 'bob'], { wait: ['5'] }, ['bob']],
    [['--wait', '1m30s'], { wait: ['1m30s'] }, []],
    [['--wait=x'], { wait: ['x'] }, []],
    [['--wait', '--full'], { wait: ['30s'], full: [''] }, []],
    [['-', '-5', '-1.5'], {}, ['-', '-5', '-1.5']],
    [['a', '--', '--data', 'x', '--'], {}, ['a', '--', '--data', 'x', '--']],
    [['--unknown', 'x', '-h'], {}, ['--unknown', 'x', '-h']],
  ])('%j', (tokens, texts, rest) => {
    expect(take(...tokens)).toEqual({ texts, rest });
  });

  test.each([[['--data']], [['--data', '--full']], [['--limit']]])('%j lacks a value', (tokens) => {
    expect(() => take(...tokens)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringMatching(/^--\w+ needs a value: --\w+ \w+$/) as string,
      }),
    );
  });
});

test.each<[string[], boolean, string[]]>([
  [['info', '--json'], true, ['info']],
  [['--json', 'info'], true, ['info']],
  [
    ['-json', 'send-message', '--json', 'bob', '--data', 'x'],
    true,
    ['send-message', 'bob', '--data', 'x'],
  ],
  [['info', '--json=false'], false, ['info']],
  [['info', '--json=true'], true, ['info']],
  [['serve', '--', 'jq', '--json'], false, ['serve', '--', 'jq', '--json']],
  [['--json', 'serve', '--', 'jq', '--json'], true, ['serve', '--', 'jq', '--json']],
  [['x', '--jsonish'], false, ['x', '--jsonish']],
])('--json in %j', (argv, json, left) => {
  expect(takeJson(argv)).toEqual({ json, argv: left });
});

describe('values', () => {
  test.each<[keyof typeof specs, string[], unknown]>([
    ['data', [], undefined],
    ['data', ['a', 'b'], 'b'],
    ['relay', ['a', 'b'], ['a', 'b']],
    ['full', [], false],
    ['full', [''], true],
    ['full', ['true'], true],
    ['full', ['1'], true],
    ['full', ['false'], false],
    ['full', ['0'], false],
    ['wait', [], undefined],
    ['wait', ['30s'], 30_000],
    ['wait', ['1m30s'], 90_000],
    ['wait', ['1.5'], 1500],
    ['limit', [], 10],
    ['limit', ['100'], 100],
    ['type', [], undefined],
    ['type', ['json'], 'json'],
  ])('%s %j', (name, texts, value) => {
    expect(specs[name].read(texts, `--${name}`)).toEqual(value);
  });

  test.each<[keyof typeof specs, string, string]>([
    ['full', 'yes', '--full: expected true or false, found "yes"'],
    ['wait', 'soon', '--wait: expected a duration such as 30s, 1m30s or seconds, found "soon"'],
    ['wait', '0', '--wait: expected a duration from 1ms to 24h, found "0"'],
    ['wait', '25h', '--wait: expected a duration from 1ms to 24h, found "25h"'],
    ['limit', '0', '--limit: expected a whole number from 1 to 100, found "0"'],
    ['limit', '1e1', '--limit: expected a whole number from 1 to 100, found "1e1"'],
    ['limit', '-5', '--limit: expected a whole number from 1 to 100, found "-5"'],
    ['type', 'xml', '--type: expected one of text, json, found "xml"'],
  ])('%s %s is refused', (name, given, message) => {
    expect(() => specs[name].read([given], `--${name}`)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message }),
    );
  });
});
