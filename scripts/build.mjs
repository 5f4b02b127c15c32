// Bundles the three programs and the SDK into dist/. Dependencies of the daemon and the relay stay
// packages (some are native); pilotctl is bundled whole, so that it starts at once.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { build } from 'esbuild';

import { thirdPartyNotices } from './third-party-notices.mjs';

const root = path.resolve(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  sourcemap: true,
  define: { PILOT_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
};

rmSync(path.join(root, 'dist'), { recursive: true, force: true });
await build({
  ...common,
  entryPoints: {
    pilotd: 'src/daemon/main.ts',
    'pilot-relay': 'src/relay/main.ts',
    'webrtc-child': 'src/daemon/links/webrtc-child.ts',
  },
  packages: 'external',
  // What is imported late loads late: without chunks its packages would come first of all.
  splitting: true,
  chunkNames: 'chunk-[hash]',
});
await build({
  ...common,
  entryPoints: { client: 'src/client/client.ts' },
  packages: 'external',
});
const { metafile } = await build({
  ...common,
  outdir: 'dist/cli',
  metafile: true,
  entryPoints: { pilotctl: 'src/cli/main.ts' },
  splitting: true,
  minifySyntax: true,
  chunkNames: 'chunk-[hash]',
  // Packages written for require() need one inside an ES module.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
  },
});
writeFileSync(
  path.join(root, 'dist/cli/THIRD-PARTY-NOTICES.txt'),
  thirdPartyNotices(Object.keys(metafile.inputs), root),
);

if (!process.argv.includes('--no-types')) {
  execFileSync(
    process.execPath,
    [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    { cwd: root, stdio: 'inherit' },
  );
}
for (const name of ['pilotctl', 'pilotd', 'pilot-relay']) {
  const bin = path.join(root, 'bin', name);
  if (existsSync(bin)) chmodSync(bin, 0o755);
}
