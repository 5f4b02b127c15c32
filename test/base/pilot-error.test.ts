import { expect, test } from 'vitest';

import { describeError, PilotError } from '../../src/base/pilot-error.ts';

test('code, message, hint and cause', () => {
  const cause = new Error('disk');
  const error = new PilotError('internal', 'cannot write', { hint: 'df', cause });
  expect(error).toMatchObject({
    name: 'PilotError',
    code: 'internal',
    message: 'cannot write',
    hint: 'df',
    cause,
  });
});

test('without a cause there is no such member', () => {
  const error = new PilotError('timeout', 'late');
  expect('cause' in error).toBe(false);
  expect(error.hint).toBeUndefined();
});

test.each([
  [new Error('why'), 'why'],
  ['text', 'text'],
  [undefined, 'undefined'],
  [404, '404'],
])('whatever was thrown is described: %s', (thrown, text) => {
  expect(describeError(thrown)).toBe(text);
});
