import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import path from 'node:path';

import { describeError, PilotError } from '../../base/pilot-error.ts';

/** `sun_path` without its final zero: 108 bytes on Linux, 104 elsewhere. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
/**
 * Makes `server` listen on a Unix socket that only its owner can open. It is bound beside its place
 * with mode 0600 and then renamed, so nobody ever sees it half made or open; a dead socket there is
 * replaced, a live one or another kind of file never. The result removes the socket again.
 */
export async function listenOnSocket(server: Server, socketPath: string): Promise<() => void> {
  // Short, because it counts against the same limit.
  const temporary = path.join(path.dirname(socketPath), `.~${process.pid.toString(36)}`);
  for (const name of [socketPath, temporary]) checkLength(name);
  try {
    await checkPlace(socketPath);
    mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o700 });
    rmSync(temporary, { force: true });
    await bind(server, temporary);
    chmodSync(temporary, 0o600);
    const own = statSync(temporary);
    renameSync(temporary, socketPath);
    return () => {
      removeOwn(socketPath, own);
    };
  } catch (cause) {
    throw unusable(socketPath, cause);
  }
}

/** PilotError when `listenOnSocket` could not take that place: another process serves it, or it is no socket. */
export async function requireFreeSocket(socketPath: string): Promise<void> {
  try {
    await checkPlace(socketPath);
  } catch (cause) {
    throw unusable(socketPath, cause);
  }
}

function checkLength(socketPath: string): void {
  const length = Buffer.byteLength(socketPath);
  if (length <= MAX_PATH_BYTES) return;
  throw new PilotError(
    'invalid_argument',
    `the socket path has ${length} bytes, ${MAX_PATH_BYTES} are possible: ${socketPath}`,
    { hint: 'choose a shorter PILOT_HOME, or another place with --socket' },
  );
}

async function checkPlace(socketPath: string): Promise<void> {
  const present = lstatSync(socketPath, { throwIfNoEntry: false });
  if (present === undefined) return;
  if (!present.isSocket()) {
    throw new PilotError('conflict', `${socketPath} is there and is not a socket`, {
      hint: 'move it away, or choose another place with --socket',
    });
  }
  if (!(await answers(socketPath))) return;
  throw new PilotError('already_exists', `another process serves ${socketPath}`, {
    hint: 'see: pilotctl daemon status',
  });
}

/** Whether somebody accepts connections there. What we may not open is somebody's too. */
async function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

async function bind(server: Server, temporary: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    // The socket file appears inside this call.
    const umask = process.umask(0o177);
    try {
      server.listen({ path: temporary });
    } finally {
      process.umask(umask);
    }
  });
}

function removeOwn(socketPath: string, own: Stats): void {
  const present = lstatSync(socketPath, { throwIfNoEntry: false });
  if (present?.ino === own.ino && present.dev === own.dev) rmSync(socketPath, { force: true });
}

function unusable(socketPath: string, cause: unknown): PilotError {
  if (cause instanceof PilotError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const message = `cannot listen on ${socketPath}: ${describeError(cause)}`;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new PilotError('permission_denied', message, {
      hint: 'its folder has to be yours and writable: see PILOT_HOME and --socket',
      cause,
    });
  }
  return new PilotError('unavailable', message, { cause });
}
