import { nearestName } from '../base/nearest.ts';
import { PilotError } from '../base/pilot-error.ts';
import { CONFIG_SCHEMA, CONFIG_SETTINGS } from './config-schema.ts';
import type { Setting } from './config-setting.ts';
import { valueAt } from './config-tree.ts';

/** What is wrong with a tree of settings, and at which step of it. */
export interface ConfigFault {
  readonly path: readonly (string | number)[];
  /** The name at the end of the path is wrong, not its value. */
  readonly atName: boolean;
  /** Dotted; empty for the tree as a whole. */
  readonly key: string;
  readonly message: string;
  /** What was probably meant. Asked for only when it is shown: searching names takes its time. */
  readonly hint: () => string | undefined;
}

/** A fault where it stands in a file; lines and columns count from 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly key: string;
  readonly message: string;
  readonly hint: string | undefined;
}

/** `file:line:column: key: message` */
export function formatConfigProblem(problem: ConfigProblem): string {
  const { file, line, column, key, message } = problem;
  return `${file}:${line}:${column}: ${key === '' ? '' : `${key}: `}${message}`;
}

/** The error for a file with at least one problem: the first, and how many there are. */
export function configFileError(problems: readonly ConfigProblem[]): PilotError {
  const [first, ...others] = problems;
  if (first === undefined) throw new TypeError('a file without problems');
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const hint = first.hint ?? 'pilotctl config validate lists all that is wrong';
  return new PilotError('invalid_argument', formatConfigProblem(first) + more, { hint });
}

/** All that is wrong with a tree, in its order; at most one fault per place. */
export function faultsOf(tree: unknown): ConfigFault[] {
  const { error } = CONFIG_SCHEMA.safeParse(tree);
  const faults = new Map<string, ConfigFault>();
  for (const issue of error?.issues ?? []) {
    const path = issue.path.filter((step) => typeof step !== 'symbol');
    const found =
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((name) => unknownName(path, name))
        : [refusedValue(path, tree)];
    for (const fault of found) {
      const place = JSON.stringify(fault.path);
      if (!faults.has(place)) faults.set(place, fault);
    }
  }
  return [...faults.values()];
}

export function unknownKeyHint(key: string): string | undefined {
  const meant = nearestName(key, [...CONFIG_SETTINGS.keys()]) ?? keyEndingIn(lastName(key));
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}

function unknownName(parent: ConfigFault['path'], name: string): ConfigFault {
  const key = [...parent, name].join('.');
  const prefix = parent.length === 0 ? '' : `${parent.join('.')}.`;
  return {
    path: [...parent, name],
    atName: true,
    key,
    message: 'is not a known setting',
    hint: () => {
      const sibling = nearestName(name, namesIn(prefix));
      return sibling === undefined ? unknownKeyHint(key) : `did you mean ${prefix}${sibling}?`;
    },
  };
}

function refusedValue(path: ConfigFault['path'], tree: unknown): ConfigFault {
  const names = path.filter((step) => typeof step === 'string');
  const key = names.join('.');
  const setting = CONFIG_SETTINGS.get(key);
  const isItem = path.length > names.length;
  const value = valueAt(tree, path);
  const shown = setting?.secret === true ? 'something else' : describe(value);
  const message = `expected ${expectation(setting, isItem)}, found ${shown}`;
  return { path, atName: false, key, message, hint: () => hintFor(setting, value, isItem) };
}

function expectation(setting: Setting | undefined, isItem: boolean): string {
  if (setting === undefined) return 'a section with settings below it';
  return isItem ? (setting.expectedItem ?? setting.expected) : setting.expected;
}

function hintFor(
  setting: Setting | undefined,
  value: unknown,
  isItem: boolean,
): string | undefined {
  if (value === null) return 'remove the line to have the default';
  const isBareItem = setting?.kind === 'list' && !isItem && typeof value === 'string';
  return isBareItem ? 'write a list: [first, second]' : setting?.hint?.(value);
}

const MAX_SHOWN_CHARACTERS = 60;

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) {
    return new Set(value).size < value.length ? 'an item twice' : `a list of ${value.length}`;
  }
  if (typeof value === 'object') return 'a section';
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return JSON.stringify(value);
  const short = value.length <= MAX_SHOWN_CHARACTERS;
  return JSON.stringify(short ? value : `${value.slice(0, MAX_SHOWN_CHARACTERS)}…`);
}

/** The names of the sections and settings right below a dotted prefix. */
function namesIn(prefix: string): string[] {
  const below = [...CONFIG_SETTINGS.keys()].filter((key) => key.startsWith(prefix));
  return [...new Set(below.map((key) => key.slice(prefix.length).split('.')[0] ?? ''))];
}

/** The setting with (nearly) this last name, wherever it is. */
function keyEndingIn(name: string): string | undefined {
  const keys = [...CONFIG_SETTINGS.keys()];
  const meant = nearestName(name, keys.map(lastName));
  return keys.find((key) => lastName(key) === meant);
}

function lastName(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}
