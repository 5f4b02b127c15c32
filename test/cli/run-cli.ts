import { PassThrough, Readable } from 'node:stream';

import type { Io } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
  /** Of standard output, one JSON object. */
  readonly json: { readonly status?: string; readonly data?: Record<string, unknown> };
  /** Of standard error, one JSON object. */
  readonly failure: Readonly<Record<string, unknown>>;
}

export interface RunningCli {
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly finished: Promise<Ran>;
  /** All of standard output so far. */
  text(): string;
  errorText(): string;
}

export interface CliSettings {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string | Uint8Array;
  /** Standard input as it comes, instead of `stdin`. */
  readonly input?: Readable;
  readonly signal?: AbortSignal;
  /** Standard output and error are terminals. */
  readonly isTerminal?: boolean;
}

/** pilotctl within this process. */
export function startCli(argv: readonly string[], settings: CliSettings = {}): RunningCli {
  const { env = {}, stdin = '', signal = new AbortController().signal } = settings;
  const stdout = Object.assign(new PassThrough(), { isTTY: settings.isTerminal === true });
  const stderr = Object.assign(new PassThrough(), { isTTY: settings.isTerminal === true });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => out.push(chunk));
  stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const io: Io = {
    stdin: settings.input ?? Readable.from([Buffer.from(stdin)]),
    ...{ stdout, stderr, signal },
    env: { PATH: process.env['PATH'], ...env },
  };
  const finished = run(argv, io).then((code) => {
    const text = Buffer.concat(out).toString();
    const errorText = Buffer.concat(err).toString();
    return {
      ...{ code, stdout: text, bytes: Buffer.concat(out), stderr: errorText },
      get json() {
        return JSON.parse(text) as Ran['json'];
      },
      get failure() {
        return JSON.parse(errorText) as Ran['failure'];
      },
    };
  });
  return {
    ...{ stdout, stderr, finished },
    text: () => Buffer.concat(out).toString(),
    errorText: () => Buffer.concat(err).toString(),
  };
}

export async function runCli(argv: readonly string[], settings?: CliSettings): Promise<Ran> {
  return startCli(argv, settings).finished;
}
