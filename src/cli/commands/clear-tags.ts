import { defineCommand } from '../command.ts';
import { tagsText } from './set-tags.ts';

export const clearTags = defineCommand({
  args: {},
  options: {},
  returns: 'node_id, tags, published',
  async run({ client, signal }) {
    const data = await client.setTags([], { signal });
    return { data, text: tagsText(data) };
  },
});
