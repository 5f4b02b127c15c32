import type { ConfigEntry } from '../../client/client.ts';
import { type CallWith, defineCommand } from '../command.ts';
import { text, toggle } from '../option.ts';
import { columns } from '../output.ts';

const options = {
  origin: toggle('also where each value comes from: default, file, environment or flag'),
  running: toggle('what the running daemon uses, not what one started now would'),
  config: text('FILE', 'another configuration file', { isFile: true }),
};

export const configShow = defineCommand({
  args: {},
  options,
  returns: 'entries[{key, value, origin}], config_path',
  async run(call) {
    const { entries, config_path } = await load(call);
    const { valueText } = await import('../config-view.ts');
    const rows = entries.map(({ key, value, origin }) => [
      key,
      ...(call.options.origin ? [origin] : []),
      valueText(value),
    ]);
    return { data: { entries, config_path }, text: columns(rows) };
  },
});

async function load({
  client,
  io,
  notice,
  options: { config: named, running },
  paths,
  signal,
}: CallWith<typeof options>): Promise<{
  entries: readonly ConfigEntry[];
  config_path: string;
}> {
  if (running) return client.config({ signal });
  const { readConfigView } = await import('../config-view.ts');
  const { entries, warnings } = readConfigView(io.env, { named, standard: paths.configFile });
  for (const warning of warnings) notice(warning);
  return { entries, config_path: named ?? paths.configFile };
}
