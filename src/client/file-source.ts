/** Files to be sent, read here and not by the daemon: so nothing is sent that its caller could not read. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { describeError, PilotError } from '../base/pilot-error.ts';

/** One file below what the caller named. */
export interface SourceFile {
  readonly path: string;
  readonly name: string;
  /** Below the receiver's received folder, its parts apart by `/`; empty: in it. */
  readonly folder: string;
}

const READ_BYTES = 2 ** 20;
/** A tree is listed before it is sent. */
const MAX_FILES = 1_000_000;

/**
 * The files that a path stands for: itself, or all below it, in the order of their names. Links inside of a folder are
 * left out, since they may lead anywhere, as is what is no file; `leftOut` hears of those. PilotError.
 */
export async function sourceFiles(
  given: string,
  leftOut: (path: string) => void,
): Promise<SourceFile[]> {
  const root = path.resolve(given);
  const found = await stat(root).catch((error: unknown) => {
    throw unreadable(given, error);
  });
  if (!found.isDirectory()) return [{ path: root, name: path.basename(root), folder: '' }];
  const files: SourceFile[] = [];
  await collect(root, path.basename(root), { files, leftOut });
  return files;
}

async function collect(
  folder: string,
  at: string,
  into: { readonly files: SourceFile[]; readonly leftOut: (path: string) => void },
): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry;
    const below = path.join(folder, name);
    if (entry.isDirectory()) await collect(below, at === '' ? name : `${at}/${name}`, into);
    else if (entry.isFile()) into.files.push({ path: below, name, folder: at });
    else into.leftOut(below);
    if (into.files.length > MAX_FILES) {
      throw new PilotError('invalid_argument', `more than ${MAX_FILES} files`, {
        hint: 'send them as one archive',
      });
    }
  }
}

/** A file that is open and has been read once. */
export class OpenSource {
  readonly file: SourceFile;
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #found: Stats;
  /** Of the length that was asked for last: a receiver that did not wait for it asks again. */
  #digested: { readonly length: number; readonly sha256: Buffer } | undefined;

  private constructor(file: SourceFile, handle: FileHandle, found: Stats) {
    this.file = file;
    this.size = found.size;
    this.#handle = handle;
    this.#found = found;
  }

  /** PilotError for what cannot be read, or is no file: a pipe would be waited for without end. */
  static async open(file: SourceFile): Promise<OpenSource> {
    const before = await lstat(file.path).catch((error: unknown) => {
      throw unreadable(file.path, error);
    });
    if (!before.isFile() && !before.isSymbolicLink()) throw noFile(file.path);
    const { O_NONBLOCK, O_RDONLY } = constants;
    const flags = O_RDONLY | ((O_NONBLOCK as number | undefined) ?? 0);
    const handle = await open(file.path, flags).catch((error: unknown) => {
      throw unreadable(file.path, error);
    });
    const found = await handle.stat();
    if (found.isFile()) return new OpenSource(file, handle, found);
    await handle.close();
    throw noFile(file.path);
  }

  /** Of the first so many bytes. PilotError `conflict` when they are not there any more. */
  async digest(length: number, progress: (bytes: number) => void): Promise<Buffer> {
    if (this.#digested?.length === length) return this.#digested.sha256;
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let at = 0;
    while (at < length) {
      const piece = await this.read(buffer.subarray(0, Math.min(buffer.length, length - at)), at);
      hash.update(piece);
      at += piece.length;
      progress(at);
    }
    const sha256 = hash.digest();
    this.#digested = { length, sha256 };
    return sha256;
  }

  /** Fills the buffer. PilotError `conflict` when the file ends before. */
  async read(buffer: Buffer, offset: number): Promise<Buffer> {
    let at = 0;
    while (at < buffer.length) {
      const { bytesRead } = await this.#handle.read(buffer, at, buffer.length - at, offset + at);
      if (bytesRead === 0) throw changed(this.file.path, 'it became shorter');
      at += bytesRead;
    }
    return buffer;
  }

  /** PilotError `conflict` when somebody has written to it since it was opened. */
  async checkUnchanged(): Promise<void> {
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size) throw changed(this.file.path, 'its size is another one');
    if (mtimeMs !== this.#found.mtimeMs) throw changed(this.file.path, 'somebody wrote to it');
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

export function changed(file: string, how: string): PilotError {
  return new PilotError('conflict', `${file} changed while it was sent: ${how}`, {
    hint: 'nothing of it was kept by the receiver; send it again when it is finished, or a copy of it',
  });
}

function noFile(file: string): PilotError {
  return new PilotError('invalid_argument', `${file} is no file`, {
    hint: 'pipes and devices have no end that could be waited for: write it to a file first',
  });
}

function unreadable(file: string, cause: unknown): PilotError {
  const { code } = Object(cause) as { code?: unknown };
  if (code === 'ENOENT') {
    return new PilotError('not_found', `there is no ${file}`, { hint: 'check the path', cause });
  }
  const message = `cannot read ${file}: ${describeError(cause)}`;
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'you may not read it: check its mode and owner';
    return new PilotError('permission_denied', message, { hint, cause });
  }
  return new PilotError('invalid_argument', message, { cause });
}
