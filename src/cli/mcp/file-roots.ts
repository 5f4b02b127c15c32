import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';

import { describeError, PilotError } from '../../base/pilot-error.ts';

/**
 * Folders whose files may be given out, and nothing beside them: names are resolved to where they really lead, so that
 * neither `..` nor a link leads out.
 */
export class FileRoots {
  /** Absolute, without links. */
  readonly folders: readonly string[];

  private constructor(folders: readonly string[]) {
    this.folders = folders;
  }

  /** PilotError for what is no folder. */
  static async of(folders: readonly string[]): Promise<FileRoots> {
    return new FileRoots(await Promise.all(folders.map(realFolder)));
  }

  /**
   * Where a name leads: a path, absolute or below one of the folders. The same PilotError for what is not there and for
   * what is elsewhere: nobody finds out what lies outside.
   */
  async find(name: string): Promise<string> {
    for (const folder of this.folders) {
      const real = await realpath(path.resolve(folder, name)).catch(() => undefined);
      if (real !== undefined && this.#holds(real)) return real;
    }
    throw new PilotError('not_found', `there is no ${name} in the folders that are allowed`, {
      hint: `they are: ${this.folders.join(', ')}; a link that leads out of them is none`,
    });
  }

  #holds(real: string): boolean {
    return this.folders.some((folder) => {
      const below = path.relative(folder, real);
      const leadsOut =
        below === '..' || below.startsWith(`..${path.sep}`) || path.isAbsolute(below);
      return below !== '' && !leadsOut;
    });
  }
}

async function realFolder(folder: string): Promise<string> {
  try {
    const real = await realpath(folder);
    if ((await stat(real)).isDirectory()) return real;
  } catch (cause) {
    throw new PilotError('invalid_argument', `cannot use ${folder}: ${describeError(cause)}`, {
      hint: 'name a folder that is there',
      cause,
    });
  }
  throw new PilotError('invalid_argument', `${folder} is no folder`, {
    hint: 'name a folder: files in it may be given out, and those below it',
  });
}
