import { beforeEach, expect, test } from 'vitest';

import { sharedLookup } from '../../src/relay/shared-lookup.ts';

type Answer = Parameters<ReturnType<typeof sharedLookup>>[2];

const asked: string[] = [];
const questions: Answer[] = [];
const lookup = sharedLookup((name, { all }, callback) => {
  asked.push(`${name}${all === true ? ' all' : ''}`);
  questions.push(callback);
});

beforeEach(() => {
  asked.length = 0;
  questions.length = 0;
});

test('who asks while a question is open shares its answer; afterwards it is asked anew', () => {
  const answers: unknown[] = [];
  const told: Answer = (error, address) => answers.push(error?.code ?? address);
  for (let i = 0; i < 3; i++) lookup('relay.example', {}, told);
  lookup('other.example', {}, told);
  lookup('relay.example', { all: true }, told);
  expect(asked).toEqual(['relay.example', 'other.example', 'relay.example all']);
  questions[0]?.(null, '192.0.2.1', 4);
  expect(answers).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.1']);
  lookup('relay.example', {}, told);
  expect(asked).toHaveLength(4);
  questions[3]?.(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
  expect(answers.at(-1)).toBe('ENOTFOUND');
});

test('one that asks again when it is told is not told the same twice', () => {
  let answers = 0;
  const again: Answer = () => {
    answers += 1;
    if (answers < 3) lookup('relay.example', {}, again);
  };
  lookup('relay.example', {}, again);
  questions[0]?.(null, '192.0.2.1', 4);
  expect([answers, asked.length]).toEqual([1, 2]);
});
