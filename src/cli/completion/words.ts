import type { ArgumentSpec, CommandEntry } from '../command.ts';
import { flagOf } from '../command.ts';
import type { OptionSpec } from '../option.ts';

/** A word that may come next, and what it is. */
export interface Word {
  readonly word: string;
  readonly description: string;
}

export interface OptionWord extends Word {
  readonly takesValue: boolean;
  readonly isFile: boolean;
  readonly choices: readonly string[];
}

/** What may follow a place in the command tree: nothing yet, `daemon`, `daemon start`. */
export interface Place {
  readonly path: readonly string[];
  /** Commands below it, and values of its first argument. */
  readonly words: readonly Word[];
  readonly options: readonly OptionWord[];
}

/** The command tree as completions need it; the root has the empty path. */
export async function completionPlaces(commands: readonly CommandEntry[]): Promise<Place[]> {
  const names = new Set(['', ...commands.flatMap(({ name }) => [name, name.split(' ')[0] ?? ''])]);
  return Promise.all(
    [...names].map(async (name) => {
      const path = name === '' ? [] : name.split(' ');
      const spec = await commands.find((entry) => entry.name === name)?.load();
      const [first] = Object.values(spec?.args ?? {}) as (ArgumentSpec<unknown> | undefined)[];
      const values = first?.choices ?? [];
      return {
        path,
        words: [
          ...wordsBelow(path, commands),
          ...values.map((word) => ({ word, description: first?.description ?? '' })),
        ],
        options: spec === undefined ? [] : [...optionWords(spec.options), JSON_OPTION],
      };
    }),
  );
}

function wordsBelow(path: readonly string[], commands: readonly CommandEntry[]): Word[] {
  const prefix = path.map((word) => `${word} `).join('');
  const words = new Map<string, string>();
  for (const { name, summary } of commands) {
    if (!name.startsWith(prefix)) continue;
    const [word = '', ...deeper] = name.slice(prefix.length).split(' ');
    const description = deeper.length === 0 ? summary : (words.get(word) ?? `${word} commands`);
    words.set(word, description);
  }
  return [...words].map(([word, description]) => ({ word, description }));
}

const JSON_OPTION: OptionWord = {
  ...{ word: '--json', description: 'print one JSON object' },
  ...{ takesValue: false, isFile: false, choices: [] },
};

function optionWords(options: Readonly<Record<string, OptionSpec<unknown>>>): OptionWord[] {
  return Object.entries(options)
    .filter(([, { hidden }]) => hidden !== true)
    .map(([name, { description, value, isFile = false, choices = [] }]) => ({
      ...{ word: flagOf(name), description, isFile, choices },
      takesValue: value !== undefined,
    }));
}

/** One word for bash, zsh and fish alike. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
