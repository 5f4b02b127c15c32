import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';

import { build } from 'esbuild';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** A program bundled from TypeScript, in a folder of its own within the checkout, so that it finds its packages. */
export class BundledProgram {
  readonly folder: string;
  readonly file: string;

  private constructor(folder: string, name: string) {
    this.folder = folder;
    this.file = path.join(folder, `${name}.js`);
  }

  /** `entry` is a path from the root of the checkout; `remove` takes all of it away. */
  static async build(entry: string, name = path.parse(entry).name): Promise<BundledProgram> {
    const cache = path.join(ROOT, 'node_modules/.cache');
    mkdirSync(cache, { recursive: true });
    const program = new BundledProgram(mkdtempSync(path.join(cache, `${name}-`)), name);
    await build({
      absWorkingDir: ROOT,
      entryPoints: [entry],
      outfile: program.file,
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      format: 'esm',
      packages: 'external',
      logLevel: 'warning',
    });
    return program;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
