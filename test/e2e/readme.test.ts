import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

import { befriend, Sandbox } from '../support/sandbox.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The code block that follows `<!-- test: name -->` in the README. */
function example(name: string): string {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const block = new RegExp(`<!-- test: ${name} -->\\s+\`\`\`\\w+\\n(.*?)\`\`\``, 's').exec(readme);
  if (block?.[1] === undefined) throw new Error(`README.md has no example ${name}`);
  return block[1];
}

test('the five minutes of the README', { timeout: 60_000 }, async () => {
  await Sandbox.run(async (sandbox) => {
    // A port that is free here: a relay gets one, and gives it back.
    const relay = await sandbox.relay('port').start();
    const { port } = new URL(relay.url);
    await relay.stop();
    const script = example('five-minutes').replaceAll('7443', port);
    // A job is a shell function with a program in it: with -m each has a process group of its own.
    const cleanUp =
      'alice daemon stop; bob daemon stop; for job in $(jobs -p); do kill -- -$job; done';
    writeFileSync(
      path.join(sandbox.folder, 'five-minutes.sh'),
      `set -em\ntrap '${cleanUp}' EXIT\n${script}
       until bob inbox | grep -q 'read this later'; do sleep 0.1; done; echo 'bob has it'\n`,
    );
    const { code, stdout, stderr } = await sandbox.processes.run('bash', ['five-minutes.sh'], {
      env: sandbox.environment(sandbox.folder),
      cwd: sandbox.folder,
      timeoutMs: 45_000,
    });
    expect(`${stdout}\n${stderr}`).toContain('HELLO BOB');
    expect(stdout).toContain('we work on the same thing');
    expect(stdout).toMatch(/^stored: /m);
    expect(stdout).toContain('bob has it');
    expect(code).toBe(0);
  });
});

test('the files of the README', { timeout: 60_000 }, async () => {
  await Sandbox.run(async (sandbox) => {
    const relay = await sandbox.relay().start();
    const [alice, bob] = [sandbox.node('alice'), sandbox.node('bob')];
    for (const node of [alice, bob]) {
      await node.start('--relay', relay.url, '--hostname', node.name);
    }
    await befriend(alice, bob);
    const photos = path.join(sandbox.folder, 'photos/2026');
    mkdirSync(photos, { recursive: true });
    writeFileSync(path.join(photos, '1.jpg'), 'one');
    for (const name of ['report.pdf', 'notes.txt']) {
      writeFileSync(path.join(sandbox.folder, name), name);
    }
    const script = `set -e\nalice() { PILOT_HOME=$PWD/alice pilotctl "$@"; }
      bob() { PILOT_HOME=$PWD/bob pilotctl "$@"; }\n${example('files')}`;
    const { code, stdout, stderr } = await sandbox.processes.run('bash', ['-c', script], {
      env: sandbox.environment(sandbox.folder),
      cwd: sandbox.folder,
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^report\.pdf sent to .*\n2 files sent to /);
    expect(stdout).toMatch(/ photos\/2026\/1\.jpg$/m);
    expect(stdout).toMatch(/^0 deleted, 3 left$/m);
  });
});

test('the program of the README', { timeout: 60_000 }, async () => {
  await Sandbox.run(async (sandbox) => {
    const program = path.join(sandbox.folder, 'program.mjs');
    await build({
      stdin: { contents: example('sdk'), loader: 'ts', resolveDir: ROOT },
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      alias: { 'pilot-overlay': path.join(ROOT, 'dist/client.js') },
    });
    const relay = await sandbox.relay().start();
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map(async (name) =>
        sandbox.node(name).start('--relay', relay.url, '--hostname', name),
      ),
    );
    if (alice === undefined || bob === undefined) throw new Error('two nodes were asked for');
    await befriend(alice, bob);
    const clock = bob.background('serve', '--', 'echo', 'noon');
    const { code, stdout, stderr } = await sandbox.processes.run(process.execPath, [program], {
      env: alice.env,
    });
    await clock.stop();
    expect(stderr).toBe('');
    expect(stdout).toContain(`I am ${await alice.nodeId()}\nnoon\n`);
    expect(stdout).toMatch(/^[0-9a-f-]{36} is (queued|sent|delivered)$/m);
    expect(code).toBe(0);
  });
});

test('the configuration of the README for a language model', { timeout: 60_000 }, async () => {
  interface Configuration {
    readonly mcpServers: { readonly pilot: { readonly command: string; readonly args: string[] } };
  }
  await Sandbox.run(async (sandbox) => {
    const alice = await sandbox.node('alice').start('--hostname', 'alice');
    const { pilot } = (JSON.parse(example('mcp')) as Configuration).mcpServers;
    const env = Object.entries(alice.env).map(([name, value = '']) => [name, value] as const);
    const client = new Client({ name: 'readme', version: '1' });
    try {
      await client.connect(
        new StdioClientTransport({ ...pilot, env: Object.fromEntries(env), stderr: 'ignore' }),
      );
      const result = await client.callTool({ name: 'pilot_info', arguments: {} });
      expect(result.structuredContent).toMatchObject({ id: await alice.nodeId() });
    } finally {
      await client.close();
    }
  });
});
