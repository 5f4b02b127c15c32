import { PilotError } from '../../base/pilot-error.ts';
import { defineCommand, optional } from '../command.ts';
import { write } from '../io.ts';
import { printable } from '../printable.ts';

export const configValidate = defineCommand({
  args: { file: optional('the file (default: config.yaml of this home)') },
  options: {},
  returns: 'valid, config_path, problems[{line, column, key, message, hint}]',
  details: 'Exit code 1 when something is wrong.',
  async run({ args, io, json, paths }) {
    const file = args.file ?? paths.configFile;
    const { formatConfigProblem, validateConfigText } = await import('../../home/config.ts');
    const { readConfigFile } = await import('../../home/config-file.ts');
    const content = readConfigFile(file);
    if (content === undefined) {
      throw new PilotError('not_found', `there is no configuration file ${file}`, {
        hint: 'without one the defaults hold: pilotctl config show',
      });
    }
    const problems = validateConfigText(content.text, file);
    const data = { valid: problems.length === 0, config_path: file, problems };
    if (problems.length === 0) return { data, text: `${file} is valid` };
    if (!json) {
      for (const problem of problems) {
        const hint = problem.hint === undefined ? '' : `  (${problem.hint})`;
        await write(io.stderr, `${printable(formatConfigProblem(problem) + hint)}\n`);
      }
    }
    return { data, text: '', exitCode: 1 };
  },
});
