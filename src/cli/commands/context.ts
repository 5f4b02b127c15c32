import { nearestName } from '../../base/nearest.ts';
import { ERROR_CODES, PilotError } from '../../base/pilot-error.ts';
import { VERSION } from '../../base/version.ts';
import { defineCommand, optional } from '../command.ts';
import { ENVIRONMENT } from '../environment.ts';
import { usageOf } from '../usage.ts';

export const context = defineCommand({
  args: { command: optional('one command, or the first word of several; quote two words') },
  options: {},
  returns:
    'version, commands{name: {args, description, returns}}, error_codes, global_flags, environment, config_file',
  async run({ args, commands: all, paths }) {
    const { command: topic } = args;
    const listed = all.filter(
      ({ name }) => topic === undefined || name === topic || name.startsWith(`${topic} `),
    );
    if (listed.length === 0)
      throw unknown(
        topic ?? '',
        all.map(({ name }) => name),
      );
    const commands = await Promise.all(
      listed.map(async ({ name, summary, load }) => {
        const spec = await load();
        return [
          name,
          { args: usageOf(spec), description: summary, returns: spec.returns },
        ] as const;
      }),
    );
    const data = {
      version: VERSION,
      commands: Object.fromEntries(commands),
      error_codes: ERROR_CODES,
      global_flags: {
        '--json': 'one line {"status":"ok","data":{…}} on stdout, failures on stderr',
        '--help': 'how a command is used',
      },
      environment: ENVIRONMENT,
      config_file: paths.configFile,
    };
    return { data, text: JSON.stringify(data, null, 2) };
  },
});

function unknown(topic: string, names: readonly string[]): PilotError {
  const meant = nearestName(topic, names);
  const hint = meant === undefined ? 'pilotctl help lists all commands' : `did you mean ${meant}?`;
  return new PilotError('invalid_argument', `unknown command "${topic}"`, { hint });
}
