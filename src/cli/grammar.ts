import { parseDuration } from '../base/duration.ts';
import { PilotError } from '../base/pilot-error.ts';
import { flagOf, type OptionSpecs } from './command.ts';
import type { OptionSpec } from './option.ts';

export interface TakenOptions {
  /** What each option was given, by its name in camelCase; options that are absent are not in it. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  /** Everything else, in order: positional arguments, and options that the command does not know. */
  readonly rest: readonly string[];
}

/**
 * Takes the known options out of a command line (pilotctl interface 1.2):
 *
 *     --key=value  --key value  --key  -key …     anywhere among the positional arguments
 *
 * A value is the next token unless that begins with `--`. A switch takes `true` or `false` only, an
 * option that may stand alone only what it can read, so that `send-message --wait bob` still finds bob.
 * A lone `-` and negative numbers are values. After `--` nothing is an option.
 */
export function takeOptions(tokens: readonly string[], specs: OptionSpecs): TakenOptions {
  const names = new Map(Object.keys(specs).map((name) => [flagOf(name), name]));
  const texts = new Map<string, string[]>();
  const rest: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] ?? '';
    if (token === '--') {
      rest.push(...tokens.slice(i));
      break;
    }
    const { flag, value } = splitToken(token);
    const name = names.get(flag);
    if (name === undefined) {
      rest.push(token);
      continue;
    }
    const spec = specs[name] as OptionSpec<unknown>;
    const taken = value ?? valueIn(tokens[i + 1], spec, flag);
    if (value === undefined && taken !== undefined) i += 1;
    texts.set(name, [...(texts.get(name) ?? []), taken ?? spec.bare ?? '']);
  }
  return { texts, rest };
}

/** Removes `--json` from anywhere before a `--`. */
export function takeJson(argv: readonly string[]): { json: boolean; argv: readonly string[] } {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const flags = own.filter(isJsonFlag);
  const last = flags.at(-1);
  return {
    json: last !== undefined && !/=(false|0)$/.test(last),
    argv: [...own.filter((token) => !isJsonFlag(token)), ...(end === -1 ? [] : argv.slice(end))],
  };
}

function isJsonFlag(token: string): boolean {
  return /^--?json(=(true|false|1|0|))?$/.test(token);
}

function splitToken(token: string): { flag: string; value: string | undefined } {
  const match = /^--?([A-Za-z][\w-]+)(?:=(.*))?$/s.exec(token);
  if (match === null) return { flag: '', value: undefined };
  return { flag: `--${match[1] ?? ''}`, value: match[2] };
}

/** The next token, if it is the option's value; undefined: the option stands alone. */
function valueIn(
  next: string | undefined,
  { value, bare, isValue = isDuration }: OptionSpec<unknown>,
  flag: string,
): string | undefined {
  if (value === undefined) return next === 'true' || next === 'false' ? next : undefined;
  if (bare !== undefined) {
    return next !== undefined && isValue(next) ? next : undefined;
  }
  if (next !== undefined && !next.startsWith('--')) return next;
  throw new PilotError('invalid_argument', `${flag} needs a value: ${flag} ${value}`, {
    hint: `a value that begins with -- is written ${flag}=VALUE`,
  });
}

function isDuration(text: string): boolean {
  return parseDuration(text) !== undefined;
}
