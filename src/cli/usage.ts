import { type ArgumentSpec, type CommandSpec, entriesOf, flagOf } from './command.ts';
import type { OptionSpec } from './option.ts';

/** `<target> [justification] [--wait [DURATION]]` */
export function usageOf({ args, options }: CommandSpec): string {
  const shown = entriesOf(options).filter(([, { hidden }]) => hidden !== true);
  return [
    ...entriesOf(args).map(([name, argument]) => argumentTerm(name, argument)),
    ...shown.map(([name, option]) => {
      const term = `[${optionTerm(name, option)}]`;
      return option.repeatable === true ? `${term}…` : term;
    }),
  ].join(' ');
}

export function argumentTerm(name: string, { kind }: ArgumentSpec<unknown>): string {
  const word = flagOf(name).slice(2);
  if (kind === 'optional') return `[${word}]`;
  if (kind === 'any') return `[${word}...]`;
  return kind === 'rest' ? `<${word}...>` : `<${word}>`;
}

export function optionTerm(name: string, { value, bare }: OptionSpec<unknown>): string {
  if (value === undefined) return flagOf(name);
  return bare === undefined ? `${flagOf(name)} <${value}>` : `${flagOf(name)} [${value}]`;
}
