/** What a node says it is good for: at most three words, each kept to 32 so that a record stays small. */
export const MAX_TAGS = 3;
export const MAX_TAG_LENGTH = 32;
/** As a hostname, but shorter. */
export const TAG_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

export function isTag(text: string): boolean {
  return TAG_PATTERN.test(text);
}

/** What is wrong with them together; undefined: nothing. */
export function faultInTags(tags: readonly string[]): string | undefined {
  if (tags.length > MAX_TAGS) return `${tags.length} tags, and ${MAX_TAGS} is the most`;
  if (!tags.every(isTag)) return 'a tag that breaks the rule';
  return new Set(tags).size === tags.length ? undefined : 'the same tag twice';
}
