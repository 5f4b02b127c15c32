import { PilotError } from '../../base/pilot-error.ts';
import type { ReceivedList } from '../../client/client.ts';
import { byteText } from '../byte-text.ts';
import { defineCommand } from '../command.ts';
import { count, text, toggle } from '../option.ts';
import { columns } from '../output.ts';
import { oneLine } from '../printable.ts';

const TIME = 'TIME|DURATION';

export const received = defineCommand({
  args: {},
  options: {
    limit: count('how many to list', { initial: 20, max: 100_000 }),
    since: text(TIME, 'only what came after a time, or in the last 1h'),
    before: text(TIME, 'only what came before a time, or more than 1h ago'),
    clear: toggle('delete them, and parts of files that have not come whole'),
  },
  returns:
    'files[{name, bytes, modified, path}], total, shown, dir; with --clear: cleared, remaining, cleared_partial',
  details:
    'Newest first. What is kept at most: files.received_max_mb and files.received_max_files.',
  async run({ client, options, signal }) {
    const { limit, since, before } = options;
    const until = before === undefined ? {} : { before };
    if (options.clear) {
      if (since !== undefined) {
        throw new PilotError('invalid_argument', '--since does not go with --clear', {
          hint: '--before TIME deletes what came before a time',
        });
      }
      const data = await client.clearReceived(until, { signal });
      return { data, text: `${data.cleared} deleted, ${data.remaining} left` };
    }
    const query = { limit, ...(since !== undefined && { since }), ...until };
    const list = await client.received(query, { signal });
    return { data: list, text: textOf(list) };
  },
});

function textOf({ files, total, dir }: ReceivedList): string {
  if (files.length === 0) return total === 0 ? 'no files' : `none of ${total} files`;
  const rows = files.map(({ modified, bytes, name }) => [
    modified.replace(/\.\d+/, ''),
    byteText(bytes),
    oneLine(name),
  ]);
  const more = total - files.length;
  return `${columns(rows)}\nin ${oneLine(dir)}${more > 0 ? `, and ${more} older: --limit N` : ''}`;
}
