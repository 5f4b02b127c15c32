import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { World } from './world.ts';

/** One wrong command line: how it is provoked, and what its user is told. */
export interface CliRow {
  readonly name: string;
  /** Alice's, unless `home` names another. */
  readonly args: (place: CliPlace) => readonly string[];
  readonly input?: string | Uint8Array;
  readonly home?: 'alice' | 'fresh';
  readonly code: string;
  readonly message: RegExp;
  readonly hint: RegExp | undefined;
}

export interface CliPlace {
  readonly world: World;
  readonly bobId: string;
  readonly bobNumber: number;
  /** A file in the sandbox with this content. */
  readonly file: (name: string, content: string | Uint8Array, mode?: number) => string;
}

export function fileIn(world: World): CliPlace['file'] {
  return (name, content, mode = 0o600) => {
    const file = path.join(world.sandbox.folder, name);
    writeFileSync(file, content);
    chmodSync(file, mode);
    return file;
  };
}
