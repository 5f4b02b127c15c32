import { PilotError } from './pilot-error.ts';

/** What a node says it is good for: at most three words, each of at most 32 characters so that a record stays small. */
export const MAX_TAGS = 3;
/** As a hostname, but shorter. */
export const TAG_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

function isTag(text: string): boolean {
  return TAG_PATTERN.test(text);
}

/** What is wrong with them together; undefined: nothing. */
export function faultInTags(tags: readonly string[]): string | undefined {
  if (tags.length > MAX_TAGS) return `${tags.length} tags, and ${MAX_TAGS} is the most`;
  if (!tags.every(isTag)) return 'a tag that breaks the rule';
  return new Set(tags).size === tags.length ? undefined : 'the same tag twice';
}

/** PilotError `invalid_argument` says what is wrong with them. */
export function checkTags(tags: readonly string[]): void {
  const fault = faultInTags(tags);
  if (fault === undefined) return;
  throw new PilotError('invalid_argument', fault, {
    hint: 'up to three, each 1 to 32 lowercase letters, digits and inner hyphens',
  });
}
