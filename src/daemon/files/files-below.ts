import type { Dir } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import path from 'node:path';

export interface FoundFile {
  /** Below the root, its parts apart by `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** Every regular file below a folder, in no order; links are not followed, `except` is not entered. */
export async function* filesBelow(
  root: string,
  except: string,
  below = '',
): AsyncGenerator<FoundFile, void, undefined> {
  for await (const { name } of (await opened(path.join(root, below))) ?? []) {
    const at = below === '' ? name : `${below}/${name}`;
    if (at === except) continue;
    const found = await lstat(path.join(root, at)).catch(() => undefined);
    if (found?.isDirectory() === true) yield* filesBelow(root, except, at);
    // Gone meanwhile, a link, a pipe: no file that was received.
    if (found?.isFile() !== true) continue;
    yield { path: at, bytes: found.size, modifiedMs: found.mtimeMs };
  }
}

async function opened(folder: string): Promise<Dir | undefined> {
  try {
    return await opendir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
