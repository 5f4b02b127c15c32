/**
 * The key file: an identity document (src/identity/identity-document.ts) of mode 0600. It is refused when
 * other users have any access to it, and when it is a symbolic link.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

import { describeError, PilotError } from '../base/pilot-error.ts';
import type { RandomBytes } from '../base/random.ts';
import { WireError } from '../base/wire-error.ts';
import { Identity } from '../identity/identity.ts';
import {
  decodeIdentityDocument,
  encodeIdentityDocument,
  MAX_IDENTITY_DOCUMENT_BYTES,
} from '../identity/identity-document.ts';
import { createFile, replaceFile } from './atomic-file.ts';
import type { HomePaths } from './home-paths.ts';
import { requirePrivate, shellQuoted } from './private-mode.ts';

/** PilotError: `not_found`, `permission_denied`, or `invalid_argument` for what is no key file. */
export function readKeyFile(file: string): Identity {
  const { text, modifiedMs } = readPrivateText(file);
  try {
    return decodeIdentityDocument(text, modifiedMs);
  } catch (error) {
    if (error instanceof WireError) throw notAKeyFile(file, error.message, error);
    throw error;
  }
}

/** Replaces the key file: for a rotated key. The old key is gone from it when this returns. */
export function writeKeyFile(file: string, identity: Identity): void {
  writing(file, () => {
    replaceFile(file, encodeIdentityDocument(identity));
  });
}

/** Writes the key file unless there is one, whatever is in it. False: there is one, and it stays. */
export function createKeyFile(file: string, identity: Identity): boolean {
  return writing(file, () => createFile(file, encodeIdentityDocument(identity)));
}

/**
 * The identity of this home, made at the first start. Of several processes that start at once one makes
 * it and all get it. A file that cannot be used is an error, never a reason to make another identity.
 */
export function loadOrCreateIdentity(
  paths: HomePaths,
  random: RandomBytes,
  nowMs: number,
): Identity {
  paths.ensureRoot();
  try {
    return readKeyFile(paths.keyFile);
  } catch (error) {
    if (!(error instanceof PilotError) || error.code !== 'not_found') throw error;
  }
  const identity = Identity.create(random, nowMs);
  if (createKeyFile(paths.keyFile, identity)) return identity;
  identity.secret.erase();
  return readKeyFile(paths.keyFile);
}

function readPrivateText(file: string): { text: string; modifiedMs: number } {
  const descriptor = openKeyFile(file);
  try {
    // Of the open file, not of its name: what was checked is what is read.
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw notAKeyFile(file, 'not a regular file');
    requirePrivate(file, stats);
    if (stats.size > MAX_IDENTITY_DOCUMENT_BYTES) throw notAKeyFile(file, 'too large');
    return { text: readFileSync(descriptor, 'utf8'), modifiedMs: Math.floor(stats.mtimeMs) };
  } finally {
    closeSync(descriptor);
  }
}

function openKeyFile(file: string): number {
  // Not blocking: a named pipe in its place must not hang the start. Windows has neither flag.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants>;
  try {
    return openSync(file, (O_RDONLY ?? 0) | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): PilotError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') {
    return new PilotError('not_found', `there is no key file ${file}`, {
      hint: 'pilotctl daemon start makes one; pilotctl identity import brings one from another host',
      cause,
    });
  }
  if (code === 'ELOOP') {
    return new PilotError('permission_denied', `the key file ${file} is a symbolic link`, {
      hint: 'put the file itself there, or set PILOT_HOME to the folder above its own',
      cause,
    });
  }
  return new PilotError(
    'permission_denied',
    `cannot read the key file ${file}: ${describeError(cause)}`,
    { hint: `see who owns it: ls -l ${shellQuoted(file)}`, cause },
  );
}

function notAKeyFile(file: string, fault: string, cause?: unknown): PilotError {
  return new PilotError('invalid_argument', `${file} is not a key file: ${fault}`, {
    hint: 'restore it from a copy or an export; to begin as a new node, move it away',
    cause,
  });
}

function writing<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new PilotError('internal', `cannot write the key file ${file}: ${describeError(error)}`, {
      hint: 'check that the folder is yours and that its disk has space',
      cause: error,
    });
  }
}
