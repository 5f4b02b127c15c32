import type { PilotClient } from '../client/client.ts';
import type { HomePaths } from '../home/home-paths.ts';
import type { Io } from './io.ts';
import type { OptionSpec } from './option.ts';

/** One positional argument. */
export interface ArgumentSpec<Value> {
  readonly kind: 'required' | 'optional' | 'rest' | 'any';
  readonly description: string;
  readonly choices?: readonly string[];
  /** Never set: it only carries the type. */
  readonly value?: Value;
}

export const required = (
  description: string,
  extra: { choices?: readonly string[] } = {},
): ArgumentSpec<string> => ({ kind: 'required', description, ...extra });

export const optional = (description: string): ArgumentSpec<string | undefined> => ({
  kind: 'optional',
  description,
});

/** All that follow; after `--` also what looks like an option. */
export const rest = (description: string): ArgumentSpec<readonly string[]> => ({
  kind: 'rest',
  description,
});

/** As `rest`, and there may be none. */
export const any = (description: string): ArgumentSpec<readonly string[]> => ({
  kind: 'any',
  description,
});

export const target = required('a Node ID, an address, a node number or a hostname');

// The values of specifications are of any type; each command's own are inferred by defineCommand.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type ArgumentSpecs = Readonly<Record<string, ArgumentSpec<any>>>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type OptionSpecs = Readonly<Record<string, OptionSpec<any>>>;

type ArgumentValues<Specs extends ArgumentSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends ArgumentSpec<infer Value> ? Value : never;
};
type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends OptionSpec<infer Value> ? Value : never;
};

/** What a command has in its hands while it runs. */
export interface Call<Args extends ArgumentSpecs, Options extends OptionSpecs> {
  readonly args: ArgumentValues<Args>;
  readonly options: OptionValues<Options>;
  readonly json: boolean;
  readonly io: Io;
  readonly signal: AbortSignal;
  readonly paths: HomePaths;
  /** All commands there are, for those that tell about others. */
  readonly commands: readonly CommandEntry[];
  /** Made on first use, closed after the command. */
  readonly client: PilotClient;
  /** Shows `label` on a terminal when the work takes more than a second. */
  readonly wait: <T>(label: string, work: Promise<T>) => Promise<T>;
  /** Something to know that is no failure: on stderr, in text mode only. */
  readonly notice: (line: string) => void;
}

/** A call of a command that takes no positional arguments. */
export type CallWith<Options extends OptionSpecs> = Call<ArgumentSpecs, Options>;

export interface Outcome {
  /** Members of `data` under --json; undefined: the command has printed by itself. */
  readonly data?: object;
  /** What people, and scripts without --json, read. Bytes are written as they are. */
  readonly text?: string | Uint8Array;
  readonly exitCode?: number;
}

export interface CommandSpec<
  Args extends ArgumentSpecs = ArgumentSpecs,
  Options extends OptionSpecs = OptionSpecs,
> {
  readonly args: Args;
  /** By name in camelCase: `autoApprove` is `--auto-approve`. */
  readonly options: Options;
  /** The members of `data`, for `pilotctl context`. */
  readonly returns: string;
  /** More for `--help`, below the options. */
  readonly details?: string;
  run(call: Call<Args, Options>): Promise<Outcome>;
}

/** Lets the compiler infer what `run` gets from the specifications. */
export function defineCommand<Args extends ArgumentSpecs, Options extends OptionSpecs>(
  spec: CommandSpec<Args, Options>,
): CommandSpec<Args, Options> {
  return spec;
}

export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export interface CommandEntry {
  /** As it is typed after `pilotctl`: one word, or a group and a word. */
  readonly name: string;
  readonly summary: string;
  /** Another name of a command that is listed already. */
  readonly isAlias?: boolean;
  /** Only what runs is loaded: the command line starts in the time of the smallest command. */
  readonly load: () => Promise<CommandSpec>;
}

/** Entries of specifications, in the order they were written, as what is common to all of them. */
export function entriesOf<Spec>(specs: Readonly<Record<string, Spec>>): [string, Unknown<Spec>][] {
  return Object.entries(specs) as [string, Unknown<Spec>][];
}

type Unknown<Spec> =
  Spec extends OptionSpec<unknown>
    ? OptionSpec<unknown>
    : Spec extends ArgumentSpec<unknown>
      ? ArgumentSpec<unknown>
      : never;
