import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/**
 * Files of mode 0600 that are there whole or not at all, also after a power cut. They are written under
 * another name in the same folder, synced, and then put in place. What stood there is never written
 * into, so a symbolic link is not followed. Both throw the system's errors.
 */

/** Puts `text` at `file`, over whatever file is there. */
export function replaceFile(file: string, text: string): void {
  const temporary = writeTemporary(file, text);
  try {
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(path.dirname(file));
}

/** Puts `text` at `file` unless something is there. False: something was, and nothing changed. */
export function createFile(file: string, text: string): boolean {
  const temporary = writeTemporary(file, text);
  try {
    // Unlike rename, link never replaces: of several creators exactly one succeeds.
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(path.dirname(file));
  return true;
}

function writeTemporary(file: string, text: string): string {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  return temporary;
}

/** Makes the name itself durable. Windows cannot open a folder and needs no such thing. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
