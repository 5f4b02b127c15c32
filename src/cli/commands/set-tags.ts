import { checkTags } from '../../base/tag.ts';
import type { TagsReply } from '../../client/client.ts';
import { defineCommand, rest } from '../command.ts';

export const setTags = defineCommand({
  args: { tags: rest('up to three words: lowercase letters, digits and inner hyphens') },
  options: {},
  returns: 'node_id, tags, published',
  details:
    'What this node is good for, in its signed record: relays keep it, and whoever trusts this node\nfinds it by them with: pilotctl find --tag. To have none: pilotctl clear-tags',
  async run({ args, client, signal }) {
    checkTags(args.tags);
    const data = await client.setTags(args.tags, { signal });
    return { data, text: tagsText(data) };
  },
});

export function tagsText({ tags, published }: TagsReply): string {
  const what = tags.length === 0 ? 'this node has no tags' : `tags: ${tags.join(' ')}`;
  return published ? what : `${what} (kept; no relay has confirmed it yet)`;
}
