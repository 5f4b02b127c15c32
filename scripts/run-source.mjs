// Bundles a TypeScript program of this checkout into dist/<folder>/ and runs it with the arguments left.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');

/** `source` is relative to the checkout: `bench/round-trip.ts`. Ends this process with the program's exit code. */
export async function runSource(source, args) {
  const outdir = path.join('dist', path.dirname(source).split('/').at(-1));
  await build({
    absWorkingDir: root,
    entryPoints: [source],
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
  });
  const program = path.join(root, outdir, `${path.basename(source, '.ts')}.js`);
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', program, ...args], {
    stdio: 'inherit',
    cwd: root,
  });
  process.exit(status ?? 1);
}
