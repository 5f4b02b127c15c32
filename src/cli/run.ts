import { describeError, PilotError } from '../base/pilot-error.ts';
import { VERSION } from '../base/version.ts';
import { PilotClient } from '../client/client.ts';
import { HomePaths } from '../home/home-paths.ts';
import type { Call, CommandEntry, Outcome } from './command.ts';
import { COMMANDS } from './command-table.ts';
import { findCommand, usageText } from './find-command.ts';
import { takeJson } from './grammar.ts';
import { Interrupted, type Io, write } from './io.ts';
import { failureOf, failureText, successLine } from './output.ts';
import { parse } from './parse.ts';
import { withProgress } from './progress.ts';

/** Runs one command line and gives the exit code; never ends the process. */
export async function run(rawArgv: readonly string[], io: Io): Promise<number> {
  const { json, argv } = takeJson(rawArgv);
  try {
    io.signal.throwIfAborted();
    return await dispatch(argv, io, json);
  } catch (error) {
    if (io.signal.aborted) return interruptedCode(io.signal.reason);
    await write(io.stderr, failureText(failureOf(error), json));
    return 1;
  }
}

async function dispatch(argv: readonly string[], io: Io, json: boolean): Promise<number> {
  const found = findCommand(argv);
  switch (found.kind) {
    case 'command':
      return runCommand(found.entry, found.tokens, io, json);
    case 'usage':
      await write(io.stdout, json ? successLine({ usage: found.text }) : found.text);
      return 0;
    case 'version':
      await write(io.stdout, json ? successLine({ version: VERSION }) : `pilotctl ${VERSION}\n`);
      return 0;
    case 'none': {
      // The two failures that scripts know by exit code 2, in text mode only (pilotctl interface 1.1).
      const error = new PilotError('invalid_argument', found.message, { hint: found.hint });
      if (json) throw error;
      await write(io.stderr, `${usageText(found.group)}\n${failureText(failureOf(error), false)}`);
      return 2;
    }
  }
}

async function runCommand(
  entry: CommandEntry,
  tokens: readonly string[],
  io: Io,
  json: boolean,
): Promise<number> {
  const spec = await entry.load();
  const parsed = await parse(entry, spec, tokens);
  if (parsed.kind === 'help') {
    await write(io.stdout, json ? successLine({ usage: parsed.text }) : parsed.text);
    return 0;
  }
  const call = new CommandCall(parsed, io, json);
  try {
    const outcome = await spec.run(call);
    await print(outcome, io, json);
    return outcome.exitCode ?? 0;
  } finally {
    call.close();
  }
}

async function print({ data, text }: Outcome, io: Io, json: boolean): Promise<void> {
  if (data === undefined) return;
  if (json) await write(io.stdout, successLine(data));
  else if (typeof text !== 'string') await write(io.stdout, text ?? '');
  else await write(io.stdout, text === '' || text.endsWith('\n') ? text : `${text}\n`);
}

class CommandCall implements Call<Record<string, never>, Record<string, never>> {
  readonly args: Record<string, never>;
  readonly options: Record<string, never>;
  readonly json: boolean;
  readonly io: Io;
  readonly paths: HomePaths;
  readonly commands = COMMANDS;
  #client: PilotClient | undefined;

  constructor(parsed: { readonly args: object; readonly options: object }, io: Io, json: boolean) {
    this.args = parsed.args as Record<string, never>;
    this.options = parsed.options as Record<string, never>;
    this.json = json;
    this.io = io;
    this.paths = HomePaths.of(io.env);
  }

  get signal(): AbortSignal {
    return this.io.signal;
  }

  get client(): PilotClient {
    this.#client ??= new PilotClient({ socketPath: this.paths.socket });
    return this.#client;
  }

  readonly wait = async <T>(label: string, work: Promise<T>): Promise<T> =>
    this.json ? work : withProgress(this.io, label, work);

  readonly notice = (line: string): void => {
    if (!this.json) this.io.stderr.write(`note:  ${line}\n`);
  };

  close(): void {
    this.#client?.close();
  }
}

function interruptedCode(reason: unknown): number {
  if (reason instanceof Interrupted) return reason.exitCode;
  throw new Error(`aborted: ${describeError(reason)}`, { cause: reason });
}
