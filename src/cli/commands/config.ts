import { PilotError } from '../../base/pilot-error.ts';
import { type CallWith, defineCommand, type Outcome } from '../command.ts';
import { text } from '../option.ts';
import { columns } from '../output.ts';

const options = {
  set: text('KEY=VALUE', 'change one setting in the configuration file'),
  config: text('FILE', 'another configuration file', { isFile: true }),
};

export const config = defineCommand({
  args: {},
  options,
  returns: 'every setting by its key, config_path, pid_file, log_file; with --set: key, value',
  details:
    'A change counts from the next start of the daemon. Items of a list are separated by commas.',
  async run(call) {
    return call.options.set === undefined ? list(call) : set(call, call.options.set);
  },
});

type ConfigCall = CallWith<typeof options>;

async function list({
  io,
  options: { config: named },
  paths,
  notice,
}: ConfigCall): Promise<Outcome> {
  const { readConfigView, valueText } = await import('../config-view.ts');
  const view = readConfigView(io.env, { named, standard: paths.configFile });
  for (const warning of view.warnings) notice(warning);
  const files = {
    config_path: named ?? paths.configFile,
    pid_file: paths.pidFile,
    log_file: paths.logFile,
  };
  return {
    data: { ...Object.fromEntries(view.entries.map(({ key, value }) => [key, value])), ...files },
    text: columns([
      ...view.entries.map(({ key, value }) => [key, valueText(value)]),
      ...Object.entries(files),
    ]),
  };
}

async function set(
  { io, options: { config: named }, paths }: ConfigCall,
  assignment: string,
): Promise<Outcome> {
  const [, key, value] = /^([^=\s]+)=(.*)$/s.exec(assignment) ?? [];
  if (key === undefined || value === undefined) {
    throw new PilotError('invalid_argument', `--set: expected key=value, found "${assignment}"`, {
      hint: 'for example: pilotctl config --set node.hostname=alpha',
    });
  }
  const file = named ?? paths.configFile;
  if (named === undefined) paths.ensureRoot();
  const { setConfigValue } = await import('../../home/config.ts');
  setConfigValue(file, key, value);
  const { readConfigView, valueText } = await import('../config-view.ts');
  const { entries } = readConfigView(
    { PILOT_HOME: io.env['PILOT_HOME'] },
    { named: file, standard: file },
  );
  const now = entries.find((entry) => entry.key === key)?.value;
  return { data: { key, value: now }, text: `${key} is ${valueText(now)}, in ${file}` };
}
