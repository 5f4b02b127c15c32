import { Command, CommanderError } from 'commander';

import { nearestName } from '../base/nearest.ts';
import { PilotError } from '../base/pilot-error.ts';
import { type CommandSpec, entriesOf, flagOf } from './command.ts';
import { argumentTerm, optionTerm } from './usage.ts';

/**
 * What a person is told about a command: its help, and what is wrong with a command line. Loaded only
 * then; a command line that is right is read without it.
 */
export function helpText(name: string, summary: string, spec: CommandSpec): string {
  return `${commanderFor(name, spec).description(summary).helpInformation()}${
    spec.details === undefined ? '' : `\n${spec.details}\n`
  }`;
}

/** Why these tokens, of which the known options have been taken, are not a call of the command. */
export function misuse(name: string, spec: CommandSpec, tokens: readonly string[]): PilotError {
  const command = commanderFor(name, spec);
  try {
    command.parse([...tokens], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return asPilotError(error, name, spec);
    throw error;
  }
  throw new Error(`${name}: ${tokens.join(' ')} is fine`);
}

function commanderFor(name: string, spec: CommandSpec): Command {
  const command = new Command(`pilotctl ${name}`)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .allowExcessArguments(false)
    .helpOption('-h, --help', 'this text')
    .action(() => undefined);
  for (const [key, argument] of entriesOf(spec.args)) {
    command.argument(argumentTerm(key, argument), argument.description);
  }
  for (const [key, option] of entriesOf(spec.options)) {
    if (option.hidden !== true) command.option(optionTerm(key, option), option.description);
  }
  return command.option('--json', 'print one JSON object');
}

function asPilotError(error: CommanderError, name: string, { options }: CommandSpec): PilotError {
  const message = (error.message.split('\n')[0] ?? '').replace(/^error: /, '');
  let hint = `pilotctl ${name} --help shows how it is used`;
  if (error.code === 'commander.unknownOption') {
    const flag = /'(--?[^'=]+)/.exec(message)?.[1] ?? '';
    const meant = nearestName(flag, [...Object.keys(options).map(flagOf), '--json', '--help']);
    if (meant !== undefined) hint = `did you mean ${meant}?`;
  }
  return new PilotError('invalid_argument', message, { hint, cause: error });
}
