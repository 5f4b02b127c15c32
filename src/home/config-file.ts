import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, realpathSync } from 'node:fs';
import path from 'node:path';

import { describeError, PilotError } from '../base/pilot-error.ts';
import { replaceFile } from './atomic-file.ts';
import { MAX_CONFIG_BYTES } from './config-document.ts';
import { shellQuoted } from './private-mode.ts';

export interface ConfigFile {
  readonly text: string;
  /** Somebody else on this host may read it. */
  readonly readableByOthers: boolean;
}

/** The text of a configuration file; undefined when there is none. PilotError when it cannot be read. */
export function readConfigFile(file: string): ConfigFile | undefined {
  let descriptor;
  try {
    descriptor = openSync(file, 'r');
    const bytes = readBounded(descriptor, MAX_CONFIG_BYTES + 1);
    return {
      text: decodeText(bytes, file),
      readableByOthers: (fstatSync(descriptor).mode & 0o077) !== 0,
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error instanceof PilotError ? error : unreadable(file, error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Replaces the file at once, for this user's eyes only: it may hold the relay's token. A symbolic
 * link stays one.
 */
export function writeConfigFile(file: string, text: string): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    replaceFile(targetOf(file), text);
  } catch (error) {
    const code = isForbidden(error) ? 'permission_denied' : 'internal';
    throw new PilotError(code, `cannot write ${file}: ${describeError(error)}`, {
      hint: 'check the folder and the free space on its disk',
      cause: error,
    });
  }
}

function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** Also of a pipe, as a shell's `<(…)` gives one; and never more than `limit` of an endless one. */
function readBounded(descriptor: number, limit: number): Uint8Array {
  const bytes = new Uint8Array(limit);
  let length = 0;
  for (let read = -1; read !== 0 && length < limit; length += read) {
    read = readSync(descriptor, bytes, length, limit - length, null);
  }
  return bytes.subarray(0, length);
}

function decodeText(bytes: Uint8Array, file: string): string {
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new PilotError(
      'invalid_argument',
      `${file}:1:1: is larger than ${MAX_CONFIG_BYTES / 1024} KiB`,
      { hint: 'is it the right file?' },
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PilotError('invalid_argument', `${file}:${foreignLine(bytes)}:1: is not UTF-8 text`, {
      hint: 'save it as UTF-8',
      cause: error,
    });
  }
}

/** The first line that is not UTF-8, counted from 1. No byte of a longer character is a line feed. */
function foreignLine(bytes: Uint8Array): number {
  const text = new TextDecoder('latin1').decode(bytes);
  return text.split('\n').findIndex((line) => !isUtf8(Buffer.from(line, 'latin1'))) + 1;
}

function unreadable(file: string, error: unknown): PilotError {
  if (isForbidden(error)) {
    return new PilotError('permission_denied', `${file} may not be read`, {
      hint: `ls -l ${shellQuoted(file)} shows who may`,
      cause: error,
    });
  }
  return new PilotError('invalid_argument', `${file} cannot be read: ${describeError(error)}`, {
    hint: 'name a YAML file',
    cause: error,
  });
}

function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');
}
