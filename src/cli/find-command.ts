import { nearestName } from '../base/nearest.ts';
import type { CommandEntry } from './command.ts';
import { COMMANDS } from './command-table.ts';

export type FoundCommand =
  | { readonly kind: 'command'; readonly entry: CommandEntry; readonly tokens: readonly string[] }
  | { readonly kind: 'usage'; readonly text: string }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'none';
      readonly message: string;
      readonly hint: string;
      /** Whose usage helps; empty: that of the whole program. */
      readonly group: string;
    };

/** Which command a command line, without its `--json`, means. */
export function findCommand(argv: readonly string[]): FoundCommand {
  const [first = '', second = ''] = argv;
  // Where newer clients keep commands that are rarely used.
  if (first === 'extras') return findCommand(argv.slice(1));
  if (first === 'help' || isHelp(first)) return findHelp(argv.slice(1));
  if (isVersion(first)) return { kind: 'version' };
  return first === '' ? none('no command given', '', '') : findNamed(first, second, argv);
}

function findNamed(first: string, second: string, argv: readonly string[]): FoundCommand {
  const nested = COMMANDS.find(({ name }) => name === `${first} ${second}`);
  if (nested !== undefined) return { kind: 'command', entry: nested, tokens: argv.slice(2) };
  const isGroup = COMMANDS.some(({ name }) => name.startsWith(`${first} `));
  const whole = COMMANDS.find(({ name }) => name === first);
  // The commands that have commands below them take no arguments of their own.
  const isStray = isGroup && second !== '' && !second.startsWith('-');
  if (whole !== undefined && !isStray) {
    return { kind: 'command', entry: whole, tokens: argv.slice(1) };
  }
  return isGroup ? inGroup(first, second) : none(`unknown command "${first}"`, first, '');
}

function inGroup(group: string, word: string): FoundCommand {
  if (isHelp(word)) return { kind: 'usage', text: usageText(group) };
  if (word === '' || word.startsWith('-')) return none(`${group}: no command given`, '', group);
  return none(`unknown command "${group} ${word}"`, `${group} ${word}`, group);
}

function findHelp(topic: readonly string[]): FoundCommand {
  const found = topic.length === 0 ? undefined : findCommand(topic);
  if (found?.kind === 'command') return { ...found, tokens: ['--help'] };
  const isGroup = topic.length === 1 && found?.kind === 'none' && found.group !== '';
  if (found === undefined || isGroup) return { kind: 'usage', text: usageText(topic[0] ?? '') };
  return found;
}

/** The commands of a group, or of the whole program. */
export function usageText(group: string): string {
  const listed = COMMANDS.filter(
    ({ name, isAlias }) =>
      isAlias !== true && (group === '' || name === group || name.startsWith(`${group} `)),
  );
  const width = Math.max(...listed.map(({ name }) => name.length));
  const lines = listed.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return [
    `Usage: pilotctl ${group === '' ? '' : `${group} `}<command> [arguments] [--json]\n\n`,
    ...lines,
    '\nA target is a Node ID, an address, a node number or a hostname.\n',
    `pilotctl <command> --help tells more.\n`,
  ].join('');
}

function none(message: string, typed: string, group: string): FoundCommand {
  const names = COMMANDS.map(({ name }) => name).filter((name) => name.startsWith(group));
  const meant = typed === '' ? undefined : nearestName(typed, names);
  const hint = meant === undefined ? 'pilotctl help lists all commands' : `did you mean ${meant}?`;
  return { kind: 'none', message, hint, group };
}

function isHelp(token: string): boolean {
  return token === '--help' || token === '-h' || token === '-help';
}

function isVersion(token: string): boolean {
  return token === '--version' || token === '-V';
}
