import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

import { build, type Metafile } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { FakeDaemon } from '../client/fake-daemon.ts';
import { incoming, INFO, outgoing } from '../client/fake-nodes.ts';

/** A package as it is built, pilotctl alone: the real one may be in the making by other tests. */
let root: string;
let meta: Metafile;
let daemon: FakeDaemon;
let env: NodeJS.ProcessEnv;
const pilotctl = (): string => path.join(root, 'bin/pilotctl');

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'pilot-cli-'));
  writeFileSync(path.join(root, 'package.json'), '{ "type": "module" }');
  mkdirSync(path.join(root, 'bin'));
  copyFileSync('bin/pilotctl', pilotctl());
  const built = await build({
    metafile: true,
    ...{ entryPoints: { pilotctl: 'src/cli/main.ts' }, outdir: path.join(root, 'dist/cli') },
    ...{ bundle: true, splitting: true, platform: 'node', format: 'esm', target: 'node20.19' },
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
  });
  meta = built.metafile;
  daemon = await new FakeDaemon({ info: () => INFO }).start();
  env = { PATH: process.env['PATH'], PILOT_HOME: daemon.home, PILOT_SOCKET: daemon.socketPath };
});

afterAll(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true });
});

const run = promisify(execFile);

test('a command, and one that fails', async () => {
  const { stdout } = await run(process.execPath, [pilotctl(), 'info', '--json'], { env });
  expect(JSON.parse(stdout)).toEqual({ status: 'ok', data: INFO });
  const failed = await run(process.execPath, [pilotctl(), 'nonsense'], { env }).catch(
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({ code: 2, stdout: '' });
});

test('a payload larger than a pipe arrives whole', async () => {
  const data = 'x'.repeat(1_000_000);
  daemon.handlers.readInbox = () => incoming('1', { data });
  const { stdout } = await run(process.execPath, [pilotctl(), 'inbox', 'read', '1'], {
    ...{ env, maxBuffer: 2_000_000 },
  });
  expect(stdout).toBe(data);
});

test('a reader that has seen enough is no failure', async () => {
  daemon.handlers.readInbox = () => incoming('1', { data: 'x\n'.repeat(500_000) });
  const line = `"$1" "$2" inbox read 1 | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await run(
    'bash',
    ['--norc', '-c', line, 'bash', process.execPath, pilotctl()],
    {
      env,
    },
  );
  expect({ stdout, stderr }).toEqual({ stdout: 'x\n0\n', stderr: '' });
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a wait with %d and hangs up', async (name, code) => {
  const asked = new Promise<Duplex>((resolve) => {
    daemon.handlers.sendMessage = ({ socket }) => {
      resolve(socket);
    };
  });
  const child = spawn(
    process.execPath,
    [pilotctl(), 'send-message', 'bob', '--data', 'x', '--wait'],
    { env, stdio: 'ignore' },
  );
  const hungUp = once(await asked, 'close');
  child.kill(name);
  await expect(once(child, 'exit')).resolves.toEqual([code, null]);
  await hungUp;
});

test('SIGTERM ends it also while nobody reads what it has to say', async () => {
  daemon.handlers.readInbox = () => incoming('1', { data: 'x'.repeat(1_000_000) });
  const child = spawn(process.execPath, [pilotctl(), 'inbox', 'read', '1'], {
    ...{ env, stdio: ['ignore', 'pipe', 'inherit'] },
  });
  await once(child.stdout, 'readable');
  child.kill('SIGTERM');
  await expect(once(child, 'exit')).resolves.toEqual([143, null]);
});

test.runIf(process.platform === 'linux')('what cannot be written is told', async () => {
  const child = spawn(
    'sh',
    ['-c', 'exec "$@" > /dev/full', 'sh', process.execPath, pilotctl(), 'info', '--json'],
    {
      ...{ env, stdio: ['ignore', 'ignore', 'pipe'] },
    },
  );
  const [said, ended] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(ended).toEqual([1, null]);
  expect(JSON.parse(said)).toMatchObject({
    ...{ code: 'unavailable', message: expect.stringContaining('ENOSPC') as string },
  });
});

test('--data - reads what is piped in', async () => {
  daemon.handlers.sendMessage = () => outgoing('1');
  const child = spawn(process.execPath, [pilotctl(), 'send-message', 'bob', '--data', '-'], {
    ...{ env, stdio: ['pipe', 'ignore', 'inherit'] },
  });
  child.stdin.end('piped');
  await expect(once(child, 'exit')).resolves.toEqual([0, null]);
  expect(daemon.callsTo('sendMessage').at(-1)?.body).toMatchObject({ data: 'piped' });
});

test('execSync of daemon start comes back: the daemon holds none of its pipes', async () => {
  const home = path.join(root, 'home');
  const startEnv = {
    ...{
      PATH: env['PATH'],
      PILOT_HOME: home,
      PILOT_DAEMON_BIN: path.resolve('test/cli/fake-pilotd.mjs'),
    },
  };
  const started = await run(process.execPath, [pilotctl(), 'daemon', 'start', '--json'], {
    env: startEnv,
  });
  expect(JSON.parse(started.stdout)).toMatchObject({ status: 'ok', data: { id: 'pilot1x' } });
  const stopped = await run(process.execPath, [pilotctl(), 'daemon', 'stop', '--json'], {
    env: startEnv,
  });
  expect(JSON.parse(stopped.stdout)).toMatchObject({ status: 'ok' });
});

/** Sources that are loaded with an output of the build, without what is imported on demand. */
function sourcesOf(output: string, seen = new Set<string>()): Set<string> {
  if (seen.has(output)) return seen;
  seen.add(output);
  const { imports = [], inputs = {} } = meta.outputs[output] ?? {};
  for (const source of Object.keys(inputs)) seen.add(source);
  for (const { path: next, kind } of imports) {
    if (kind === 'import-statement') sourcesOf(next, seen);
  }
  return seen;
}

/** Each of these costs more than all that a small command does. */
const HEAVY = /node_modules\/(zod|yaml|@noble|@scure|commander|@modelcontextprotocol)\//;

test.each(['info', 'send-message', 'inbox', 'handshake', 'peers', 'ping', 'serve', 'daemon-start'])(
  '%s loads neither schemas nor YAML nor curves nor help',
  (command) => {
    const outputs = Object.entries(meta.outputs);
    const ours = outputs.filter(([, { entryPoint }]) =>
      ['src/cli/main.ts', `src/cli/commands/${command}.ts`].includes(entryPoint ?? ''),
    );
    expect(ours).toHaveLength(2);
    const sources = ours.flatMap(([output]) => [...sourcesOf(output)]);
    expect(sources).toContain('src/client/client.ts');
    expect(sources.filter((source) => HEAVY.test(source))).toEqual([]);
  },
);
