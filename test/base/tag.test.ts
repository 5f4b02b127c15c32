import { expect, test } from 'vitest';

import { checkTags, faultInTags } from '../../src/base/tag.ts';

test.each<[readonly string[], string | undefined]>([
  [[], undefined],
  [['gpu', 'a', `x${'-'.repeat(30)}9`], undefined],
  [['a', 'b', 'c', 'd'], '4 tags, and 3 is the most'],
  [['a', 'a'], 'the same tag twice'],
  [[''], 'a tag that breaks the rule'],
  [['a'.repeat(33)], 'a tag that breaks the rule'],
  [['GPU'], 'a tag that breaks the rule'],
  [['-a'], 'a tag that breaks the rule'],
  [['a-'], 'a tag that breaks the rule'],
  [['a b'], 'a tag that breaks the rule'],
  [['a\n'], 'a tag that breaks the rule'],
  [['é'], 'a tag that breaks the rule'],
])('%j: %s', (tags, fault) => {
  expect(faultInTags(tags)).toBe(fault);
  const check = (): void => {
    checkTags(tags);
  };
  if (fault === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(fault);
});
