import {
  type ArgumentSpec,
  type CommandEntry,
  type CommandSpec,
  entriesOf,
  flagOf,
} from './command.ts';
import { takeOptions } from './grammar.ts';
import { needlessOptions } from './needless-options.ts';

export type Parsed =
  | { readonly kind: 'help'; readonly text: string }
  | {
      readonly kind: 'call';
      readonly args: Readonly<Record<string, unknown>>;
      readonly options: Readonly<Record<string, unknown>>;
    };

/** Reads the tokens that follow a command's name. PilotError `invalid_argument` says what is wrong. */
export async function parse(
  { name, summary }: CommandEntry,
  spec: CommandSpec,
  tokens: readonly string[],
): Promise<Parsed> {
  if (asksForHelp(tokens)) {
    const { helpText } = await import('./explain.ts');
    return { kind: 'help', text: helpText(name, summary, spec) };
  }
  const needless = 'target' in spec.args ? needlessOptions : {};
  const { texts, rest } = takeOptions(tokens, { ...needless, ...spec.options });
  const positionals = positionalsIn(rest);
  const args = positionals && readArguments(spec, positionals);
  if (args === undefined) {
    const { misuse } = await import('./explain.ts');
    throw misuse(name, spec, rest);
  }
  const options = entriesOf(spec.options).map(
    ([key, option]) => [key, option.read(texts.get(key) ?? [], flagOf(key))] as const,
  );
  return { kind: 'call', args, options: Object.fromEntries(options) };
}

function asksForHelp(tokens: readonly string[]): boolean {
  const end = tokens.indexOf('--');
  const own = end === -1 ? tokens : tokens.slice(0, end);
  return own.includes('--help') || own.includes('-h') || own.includes('-help');
}

/** Undefined: an option that the command does not have is among them. A lone `-` and negative numbers are none. */
function positionalsIn(tokens: readonly string[]): readonly string[] | undefined {
  const end = tokens.indexOf('--');
  const own = end === -1 ? tokens : tokens.slice(0, end);
  if (own.some((token) => /^-./.test(token) && !/^-\d+(\.\d+)?$/.test(token))) return undefined;
  return end === -1 ? own : [...own, ...tokens.slice(end + 1)];
}

/** By name; undefined: too few, or too many. */
function readArguments(
  { args }: CommandSpec,
  positionals: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  const specs = entriesOf(args);
  const least = specs.filter(([, { kind }]) => kind === 'required' || kind === 'rest').length;
  const most = specs.some(([, { kind }]) => isMany(kind)) ? Infinity : specs.length;
  if (positionals.length < least || positionals.length > most) return undefined;
  return Object.fromEntries(
    specs.map(([name, { kind }], i) => [
      name,
      isMany(kind) ? positionals.slice(i) : positionals[i],
    ]),
  );
}

function isMany(kind: ArgumentSpec<unknown>['kind']): boolean {
  return kind === 'rest' || kind === 'any';
}
