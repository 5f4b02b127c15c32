// node bench/run.mjs NAME [ARG…]: bundles bench/NAME.ts into dist/bench and runs it. Without a name: lists them.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3));
const [name, ...args] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [ARG…]\nNAME: ${names.join(', ')}`);
  process.exit(2);
}
await build({
  absWorkingDir: root,
  entryPoints: [`bench/${name}.ts`],
  outdir: 'dist/bench',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
});
const { status, signal } = spawnSync(
  process.execPath,
  ['--enable-source-maps', path.join(root, 'dist/bench', `${name}.js`), ...args],
  { stdio: 'inherit', cwd: root },
);
process.exit(signal === null ? (status ?? 1) : 1);
