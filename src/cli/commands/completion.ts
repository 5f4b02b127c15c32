import { PilotError } from '../../base/pilot-error.ts';
import { defineCommand, required } from '../command.ts';
import { bashScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { completionPlaces, type Place } from '../completion/words.ts';
import { zshScript } from '../completion/zsh.ts';

const SCRIPTS: Readonly<Record<string, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export const completion = defineCommand({
  args: { shell: required('bash, zsh or fish', { choices: Object.keys(SCRIPTS) }) },
  options: {},
  returns: 'shell, script',
  details:
    'bash: source <(pilotctl completion bash)\nzsh:  pilotctl completion zsh > "${fpath[1]}/_pilotctl"\nfish: pilotctl completion fish > ~/.config/fish/completions/pilotctl.fish',
  async run({ args: { shell }, commands }) {
    const script = SCRIPTS[shell]?.(await completionPlaces(commands));
    if (script === undefined) {
      throw new PilotError('invalid_argument', `there is no completion for "${shell}"`, {
        hint: 'bash, zsh or fish',
      });
    }
    return { data: { shell, script }, text: script };
  },
});
