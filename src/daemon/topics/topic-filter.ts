/**
 * Topics, and what subscribers name to get events of several:
 *
 *     jobs/eu/done    this topic
 *     jobs/+/done     `+`: any one level
 *     jobs/#          `#`, at the end: any levels from there on, also none (`jobs`)
 *     * or #          every topic
 *
 * Levels are what stands between slashes; an empty one is a level. A wildcard is a level of its own: `c#` and
 * `a+b` are plain text. An event's own topic has none.
 */
import { PilotError } from '../../base/pilot-error.ts';
import { MAX_TOPIC_BYTES } from '../../client/event-frame.ts';

const LONE_SURROGATE = /\p{Cs}/u;

/** Why events cannot have this topic; undefined: they can. */
export function topicFault(topic: string): string | undefined {
  const fault = lengthFault(topic);
  if (fault !== undefined) return fault;
  const isFilter = topic === '*' || topic.split('/').some(isWildcard);
  return isFilter ? 'an event has no wildcards in its topic' : undefined;
}

export function filterFault(filter: string): string | undefined {
  const fault = lengthFault(filter);
  if (fault !== undefined) return fault;
  const early = filter.split('/').indexOf('#');
  const isLast = early === -1 || early === filter.split('/').length - 1;
  return isLast ? undefined : '# is for the end of a topic';
}

/** PilotError `invalid_argument`. */
export function checkTopic(topic: string, fault: string | undefined): void {
  if (fault === undefined) return;
  const shown = topic.length > 64 ? `${topic.slice(0, 64)}…` : topic;
  throw new PilotError('invalid_argument', `${JSON.stringify(shown)}: ${fault}`, {
    hint: `a topic has 1 to ${MAX_TOPIC_BYTES} bytes, levels between slashes; subscribers may write + for a level, # for the rest, * for all`,
  });
}

export function hasWildcards(filter: string): boolean {
  return filter === '*' || filter.split('/').some(isWildcard);
}

/** Whether a topic is one that the filter names. */
export function matcherOf(filter: string): (topic: string) => boolean {
  if (filter === '*' || filter === '#') return () => true;
  if (!hasWildcards(filter)) return (topic) => topic === filter;
  const levels = filter.split('/');
  return (topic) => matches(levels, topic.split('/'));
}

function matches(levels: readonly string[], topic: readonly string[]): boolean {
  for (const [i, level] of levels.entries()) {
    if (level === '#') return true;
    if (i >= topic.length || (level !== '+' && level !== topic[i])) return false;
  }
  return levels.length === topic.length;
}

function isWildcard(level: string): boolean {
  return level === '+' || level === '#';
}

function lengthFault(topic: string): string | undefined {
  const bytes = Buffer.byteLength(topic);
  if (bytes === 0) return 'a topic has at least one byte';
  if (bytes > MAX_TOPIC_BYTES) return `the topic has ${bytes} bytes`;
  return LONE_SURROGATE.test(topic) ? 'half a character (a lone surrogate)' : undefined;
}
