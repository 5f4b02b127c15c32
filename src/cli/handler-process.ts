import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';

import { describeError, PilotError } from '../base/pilot-error.ts';
import { type IncomingMessage, payloadBytes } from '../client/client.ts';

export interface HandlerSettings {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  /** What the command says beside its answer. */
  readonly stderr: Writable;
}

/** What a message can hold at most; a command that says more is stopped. */
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** From SIGTERM to SIGKILL. */
const GRACE_MS = 2000;
const PROGRAM_HINT = 'after -- comes a program and its arguments; for a shell: -- sh -c "…"';

/** Throws `not_found` for a program that cannot be run: better now than at the first message. */
export async function requireProgram(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const folders = (env['PATH'] ?? '').split(path.delimiter);
  const places = command.includes(path.sep)
    ? [command]
    : folders.map((folder) => path.join(folder, command));
  for (const place of places) {
    const isThere = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return;
  }
  throw new PilotError('not_found', `there is no program ${command}`, { hint: PROGRAM_HINT });
}

/**
 * Runs a command for one message: its payload on standard input, what is known of it in the
 * environment; never through a shell. Gives what the command wrote to standard output; throws when it
 * failed, said too much or took too long.
 */
export async function runHandler(
  message: IncomingMessage,
  settings: HandlerSettings,
  signal: AbortSignal,
): Promise<Buffer> {
  const { command, args, env, timeoutMs } = settings;
  const child = spawn(command, args, {
    env: { ...env, ...messageEnv(message) },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A process group of its own: it ends with everything it started.
    detached: true,
  });
  let failure: string | undefined;
  const fail = (reason: string): void => {
    if (failure !== undefined) return;
    failure = reason;
    killGroup(child);
  };
  const timer = setTimeout(() => {
    fail(`took longer than ${timeoutMs / 1000} s`);
  }, timeoutMs);
  const abort = (): void => {
    fail('interrupted');
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const output = collect(child, fail);
    child.stderr.pipe(settings.stderr, { end: false });
    // A command need not read what it is given.
    child.stdin.on('error', () => undefined).end(payloadBytes(message));
    const { code, signalName } = await ended(child);
    if (failure !== undefined) throw new Error(`${command}: ${failure}`);
    if (code !== 0)
      throw new Error(`${command} ended with ${signalName ?? `code ${String(code)}`}`);
    return output();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function messageEnv({ id, correlation_id, from, type }: IncomingMessage): Record<string, string> {
  return {
    PILOT_MESSAGE_ID: id,
    PILOT_CORRELATION_ID: correlation_id,
    PILOT_FROM_ID: from.id,
    PILOT_FROM_ADDRESS: from.address,
    PILOT_FROM_HOSTNAME: from.hostname,
    PILOT_TYPE: type,
  };
}

function collect(child: ChildProcess, fail: (reason: string) => void): () => Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > MAX_OUTPUT_BYTES) fail('wrote more than 1 MiB');
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}

async function ended(
  child: ChildProcess,
): Promise<{ code: number | null; signalName: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(
        new PilotError('not_found', `cannot run ${child.spawnfile}: ${describeError(cause)}`, {
          hint: PROGRAM_HINT,
          cause,
        }),
      );
    });
    child.once('close', (code, signalName) => {
      resolve({ code, signalName });
    });
  });
}

function killGroup(child: ChildProcess): void {
  const send = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // It has ended.
    }
  };
  send('SIGTERM');
  const force = setTimeout(() => {
    send('SIGKILL');
    // Who left the group may hold them open for ever.
    for (const pipe of child.stdio) pipe?.destroy();
  }, GRACE_MS);
  child.once('close', () => {
    clearTimeout(force);
  });
}
