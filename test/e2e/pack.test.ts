import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from 'vitest';

import { describeRun } from '../support/processes.ts';
import { Sandbox } from '../support/sandbox.ts';

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

/** Network, where npm has not yet seen the dependencies. */
const INSTALL_TIMEOUT_MS = 90_000;

test('the packed programs run from an empty project', { timeout: 120_000 }, async () => {
  await Sandbox.run(async (sandbox) => {
    const project = path.join(sandbox.folder, 'project');
    mkdirSync(project);
    writeFileSync(path.join(project, 'package.json'), '{ "private": true, "type": "module" }');
    const node = sandbox.node('node');
    const userEnv = { ...process.env };
    const run = async (command: string, args: string[], env = userEnv, cwd = project) => {
      const options = { env, cwd, timeoutMs: INSTALL_TIMEOUT_MS };
      const finished = await sandbox.processes.run(command, args, options);
      if (finished.code !== 0) throw new Error(describeRun(command, args, finished));
      return finished.stdout.trim();
    };

    // `prepare` would build once more, over the feet of the tests that run beside this one.
    expect(manifest.scripts['prepare']).toBe('npm run build');
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', sandbox.folder];
    const [packed] = JSON.parse(await run('npm', pack, userEnv, process.cwd())) as [Packed];
    const files = packed.files.map((file) => file.path);
    const needed = [
      ...Object.values(manifest.bin),
      'dist/pilotd.js',
      'dist/pilot-relay.js',
      'dist/cli/pilotctl.js',
      'dist/cli/THIRD-PARTY-NOTICES.txt',
      'dist/client.js',
      'dist/types/client/client.d.ts',
      'examples/config.yaml',
      'LICENSE',
      'README.md',
    ];
    expect(needed.filter((file) => !files.includes(file))).toEqual([]);
    expect(files.filter((file) => /^(src|test|bench|node_modules)\//.test(file))).toEqual([]);

    const tarball = path.join(sandbox.folder, packed.filename);
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball]);
    const programs = path.join(project, 'node_modules', '.bin');
    node.env['PATH'] = [programs, path.dirname(process.execPath), '/usr/bin', '/bin'].join(':');

    for (const program of Object.keys(manifest.bin)) {
      const printed = await run(path.join(programs, program), ['--version'], node.env);
      expect(printed, program).toContain(manifest.version);
    }
    await node.start();
    expect(await node.nodeId()).toMatch(/^pilot1[a-z0-9]{59}$/);
    await node.stop();

    const sdk = `import { PilotClient } from '${manifest.name}'; console.log(typeof PilotClient);`;
    expect(await run(process.execPath, ['--input-type=module', '--eval', sdk])).toBe('function');
  });
});
