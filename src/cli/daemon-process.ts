import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { ERROR_CODES, type ErrorCode, PilotError } from '../base/pilot-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What is read of a log at most, to say why a daemon ended. */
const MAX_TAIL_BYTES = 64 * 1024;

/** A daemon that has been started, and how far its log went before. */
export interface StartedDaemon {
  readonly child: ChildProcess;
  readonly logFile: string;
  readonly logStart: number;
}

/** Starts pilotd in a session of its own; what it writes goes to the log file. */
export function startDaemon(
  args: readonly string[],
  env: Environment,
  logFile: string,
): StartedDaemon {
  const { program, programArgs } = daemonProgram(env);
  const log = openSync(logFile, 'a', 0o600);
  try {
    const logStart = fstatSync(log).size;
    const child = spawn(program, [...programArgs, ...args], {
      env,
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    return { child, logFile, logStart };
  } finally {
    closeSync(log);
  }
}

/** Runs pilotd as a part of this terminal until it ends; gives its exit code. */
export async function runDaemon(
  args: readonly string[],
  env: Environment,
  signal: AbortSignal,
): Promise<number> {
  const { program, programArgs } = daemonProgram(env);
  const child = spawn(program, [...programArgs, ...args], { env, stdio: 'inherit' });
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => {
        reject(cannotRun(program, cause));
      });
      child.once('exit', (code) => {
        resolve(code ?? 1);
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Why the daemon ended, or could not be started at all; undefined when `until` is aborted before. */
export async function earlyEnd(
  { child, logFile, logStart }: StartedDaemon,
  until: AbortSignal,
): Promise<PilotError | undefined> {
  let how: string;
  try {
    const [code, signalName] = (await once(child, 'exit', { signal: until })) as [
      code: number | null,
      signalName: NodeJS.Signals | null,
    ];
    how = signalName ?? `code ${String(code)}`;
  } catch (error) {
    return until.aborted ? undefined : cannotRun(child.spawnfile, error as Error);
  }
  return reasonIn(readTail(logFile, logStart), how, logFile);
}

/** PILOT_DAEMON_BIN, else the pilotd that came with this pilotctl. */
function daemonProgram(env: Environment): { program: string; programArgs: readonly string[] } {
  const named = env['PILOT_DAEMON_BIN'] ?? '';
  const file = named === '' ? fileURLToPath(new URL('../pilotd.js', import.meta.url)) : named;
  if (!existsSync(file)) {
    throw new PilotError('not_found', `there is no daemon at ${file}`, {
      hint: named === '' ? 'build it: npm run build' : 'check PILOT_DAEMON_BIN',
    });
  }
  return /\.[cm]?js$/.test(file)
    ? { program: process.execPath, programArgs: [file] }
    : { program: file, programArgs: [] };
}

function cannotRun(program: string, cause: Error): PilotError {
  return new PilotError('not_found', `cannot run ${program}: ${cause.message}`, {
    hint: 'check PILOT_DAEMON_BIN',
    cause,
  });
}

function readTail(file: string, start: number): string {
  const log = openSync(file, 'r');
  try {
    const { size } = fstatSync(log);
    const from = Math.max(start, size - MAX_TAIL_BYTES);
    const bytes = Buffer.alloc(Math.max(0, size - from));
    return bytes.toString('utf8', 0, readSync(log, bytes, 0, bytes.length, from));
  } finally {
    closeSync(log);
  }
}

/**
 * The last line of a log says why: a JSON line with `msg` or `message`, or the two lines `error: …` and
 * `hint:  …` of a failure in text.
 */
export function reasonIn(log: string, how: string, logFile: string): PilotError {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const errorLine = lines.findLast((line) => line.startsWith('error:'));
  const hintLine = lines.findLast((line) => line.startsWith('hint:'));
  const last = errorLine ?? lines.at(-1) ?? `${how}, without a word`;
  const { message, msg, hint, code } = jsonFields(last);
  return failedStart(
    ERROR_CODES.find((known) => known === code) ?? 'internal',
    message ?? msg ?? last.replace(/^error:\s*/, ''),
    hint ?? hintLine?.slice('hint:'.length).trim() ?? `its log: ${logFile}`,
  );
}

function failedStart(code: ErrorCode, reason: string, hint: string): PilotError {
  // Somebody else was quicker: that is no failure of the daemon.
  const message = code === 'already_exists' ? reason : `the daemon did not start: ${reason}`;
  return new PilotError(code, message, { hint });
}

interface LogFields {
  readonly message?: string;
  readonly msg?: string;
  readonly hint?: string;
  readonly code?: string;
}

function jsonFields(line: string): LogFields {
  try {
    const entries = Object.entries(JSON.parse(line) as object);
    return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string'));
  } catch {
    return {};
  }
}
