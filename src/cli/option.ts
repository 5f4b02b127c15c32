import { parseDuration } from '../base/duration.ts';
import { PilotError } from '../base/pilot-error.ts';

/** One `--option`. `Value` is what the command gets, also when the option is not given. */
export interface OptionSpec<Value> {
  readonly description: string;
  /** How the value is called in help; undefined: a switch. */
  readonly value: string | undefined;
  /** Without a value it means this. */
  readonly bare?: string;
  /** Where it may stand alone: the next token is its value. By default a duration is. */
  readonly isValue?: (next: string) => boolean;
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
  /** For a completion: the value is the name of a file. */
  readonly isFile?: boolean;
  /** Understood, but in no help: for clients of other releases. */
  readonly hidden?: boolean;
  /** From the texts given, in order; none when the option is absent. PilotError says what is wrong. */
  readonly read: (texts: readonly string[], flag: string) => Value;
}

type Extra = Partial<Pick<OptionSpec<unknown>, 'bare' | 'hidden' | 'isFile' | 'isValue'>>;

export function toggle(description: string, extra: Extra = {}): OptionSpec<boolean> {
  return {
    description,
    value: undefined,
    ...extra,
    read: (texts, flag) => texts.length > 0 && readBoolean(texts.at(-1) ?? '', flag),
  };
}

export function text(
  value: string,
  description: string,
  extra: Extra = {},
): OptionSpec<string | undefined> {
  return { description, value, ...extra, read: (texts) => texts.at(-1) };
}

export function list(
  value: string,
  description: string,
  extra: Extra = {},
): OptionSpec<readonly string[]> {
  return { description, value, repeatable: true, ...extra, read: (texts) => texts };
}

export function choice<const Names extends readonly string[]>(
  names: Names,
  description: string,
): OptionSpec<Names[number] | undefined> {
  return {
    description,
    value: names.join('|'),
    choices: names,
    read: (texts, flag) => {
      const given = texts.at(-1);
      if (given === undefined || names.includes(given)) return given;
      throw invalid(flag, given, `one of ${names.join(', ')}`);
    },
  };
}

/** Milliseconds. `bare`: what the option means without a value. */
export function duration(
  description: string,
  options: { readonly bare?: string; readonly maxMs?: number } = {},
): OptionSpec<number | undefined> {
  const { bare, maxMs = MAX_DURATION_MS } = options;
  return {
    description,
    value: 'DURATION',
    ...(bare !== undefined && { bare }),
    read: (texts, flag) => {
      const given = texts.at(-1);
      return given === undefined ? undefined : readDuration(given, flag, maxMs);
    },
  };
}

export function count(
  description: string,
  range: { readonly initial: number; readonly min?: number; readonly max: number },
): OptionSpec<number> {
  const { initial, min = 1, max } = range;
  return {
    description,
    value: 'N',
    read: (texts, flag) => {
      const given = texts.at(-1);
      if (given === undefined) return initial;
      const number = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
      if (number >= min && number <= max) return number;
      throw invalid(flag, given, `a whole number from ${min} to ${max}`);
    },
  };
}

/** As long as a timer can run. */
const MAX_DURATION_MS = 86_400_000;

function readDuration(given: string, flag: string, maxMs: number): number {
  const ms = parseDuration(given);
  if (ms === undefined) throw invalid(flag, given, 'a duration such as 30s, 1m30s or seconds');
  if (ms >= 1 && ms <= maxMs) return Math.round(ms);
  throw invalid(flag, given, `a duration from 1ms to ${maxMs / 3_600_000}h`);
}

/** True is `true`, `1` or nothing (pilotctl interface 1.2). */
function readBoolean(given: string, flag: string): boolean {
  if (['', 'true', '1'].includes(given)) return true;
  if (['false', '0'].includes(given)) return false;
  throw invalid(flag, given, 'true or false');
}

function invalid(flag: string, given: string, expected: string): PilotError {
  return new PilotError('invalid_argument', `${flag}: expected ${expected}, found "${given}"`);
}
