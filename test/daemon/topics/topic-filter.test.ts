import { expect, test } from 'vitest';

import {
  checkTopic,
  filterFault,
  matcherOf,
  topicFault,
} from '../../../src/daemon/topics/topic-filter.ts';

test.each([
  ['jobs', 'jobs', true],
  ['jobs', 'jobs/eu', false],
  ['*', 'jobs/eu', true],
  ['#', 'jobs', true],
  ['jobs/+/done', 'jobs/eu/done', true],
  ['jobs/+/done', 'jobs/eu/de/done', false],
  ['jobs/+', 'jobs', false],
  ['jobs/+', 'jobs/', true],
  ['jobs/#', 'jobs', true],
  ['jobs/#', 'jobs/eu/done', true],
  ['jobs/#', 'jobs2', false],
  ['+/+', '/', true],
  ['c#', 'c#', true],
  ['a+b', 'axb', false],
  ['a*', 'ab', false],
])('%s has %s: %s', (filter, topic, expected) => {
  expect(filterFault(filter)).toBeUndefined();
  expect(matcherOf(filter)(topic)).toBe(expected);
});

test('topics of 1 to 1,024 bytes', () => {
  expect(topicFault('é'.repeat(512))).toBeUndefined();
  expect(topicFault('')).toBe('a topic has at least one byte');
  expect(topicFault('é'.repeat(512) + 'x')).toBe('the topic has 1025 bytes');
  expect(topicFault('a\ud800')).toContain('surrogate');
  expect(topicFault('a/+/b')).toContain('wildcards');
  expect(topicFault('*')).toContain('wildcards');
  expect(filterFault('a/#/b')).toBe('# is for the end of a topic');
  expect(() => {
    checkTopic('', topicFault(''));
  }).toThrow(expect.objectContaining({ code: 'invalid_argument' }) as Error);
});
