import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { readPidFile } from '../../src/home/pid-file.ts';
import type { Finished } from '../support/processes.ts';
import { Sandbox, type SandboxNode } from '../support/sandbox.ts';
import { DaemonVitals } from './vitals.ts';

// Each row starts a process or two, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000 });

/** What a daemon finds in its home and must not trust, and what it left there itself. */
let sandbox: Sandbox;
/** A home with a key and its daemon, which nothing done to the other homes disturbs. */
let living: SandboxNode;
let vitals: DaemonVitals;
let homes = 0;

beforeAll(async () => {
  sandbox = new Sandbox();
  living = await sandbox.node('living').start();
  vitals = await DaemonVitals.of(living);
}, 60_000);
afterAll(async () => {
  await sandbox.close();
});

/** A home with a copy of the living one's key, and no daemon. */
function homeWithKey(): SandboxNode {
  const node = sandbox.node(`home-${++homes}`);
  mkdirSync(node.paths.root, { recursive: true, mode: 0o700 });
  copyFileSync(living.paths.keyFile, node.paths.keyFile);
  return node;
}

function failureIn({ code, stderr }: Finished): { code: string; message: string; hint: string } {
  expect(code, stderr).toBe(1);
  return JSON.parse(stderr) as ReturnType<typeof failureIn>;
}

async function tryStart(node: SandboxNode): Promise<ReturnType<typeof failureIn>> {
  return failureIn(await node.tryPilotctl(['--json', 'daemon', 'start']));
}

describe('a key file that cannot be used is never replaced', () => {
  const rows: readonly {
    name: string;
    spoil: (keyFile: string) => void;
    code: string;
    message: RegExp;
    hint: RegExp;
  }[] = [
    {
      name: 'of mode 0644',
      spoil: (keyFile) => {
        chmodSync(keyFile, 0o644);
      },
      code: 'permission_denied',
      message: /identity\.json is open to other users \(mode 0644\)/,
      hint: /^chmod 600 \S+identity\.json$/,
    },
    {
      name: 'of mode 0604',
      spoil: (keyFile) => {
        chmodSync(keyFile, 0o604);
      },
      code: 'permission_denied',
      message: /mode 0604/,
      hint: /^chmod 600 /,
    },
    {
      name: 'in a folder of mode 0755',
      spoil: (keyFile) => {
        chmodSync(path.dirname(keyFile), 0o755);
      },
      code: 'permission_denied',
      message: /\.pilot is open to other users \(mode 0755\)/,
      hint: /^chmod 700 \S+\.pilot$/,
    },
    {
      name: 'cut off',
      spoil: (keyFile) => {
        truncateSync(keyFile, 60);
      },
      code: 'invalid_argument',
      message: /identity\.json is not a key file: not JSON/,
      hint: /restore it from a copy or an export/,
    },
    {
      name: 'of another pair of keys',
      spoil: (keyFile) => {
        const document = JSON.parse(readFileSync(keyFile, 'utf8')) as object;
        const public_key = Buffer.alloc(32, 7).toString('base64');
        writeFileSync(keyFile, JSON.stringify({ ...document, public_key }));
      },
      code: 'invalid_argument',
      message: /private_key and public_key do not belong together/,
      hint: /restore it from a copy or an export/,
    },
    {
      name: 'of a megabyte',
      spoil: (keyFile) => {
        writeFileSync(keyFile, ' '.repeat(2 ** 20));
      },
      code: 'invalid_argument',
      message: /is not a key file: too large/,
      hint: /restore it/,
    },
    {
      name: 'that is a symbolic link',
      spoil: (keyFile) => {
        renameSync(keyFile, `${keyFile}.moved`);
        symlinkSync(`${keyFile}.moved`, keyFile);
      },
      code: 'permission_denied',
      message: /is a symbolic link/,
      hint: /put the file itself there/,
    },
  ];

  test.each(rows)('$name', async ({ spoil, code, message, hint }) => {
    const node = homeWithKey();
    const { keyFile } = node.paths;
    spoil(keyFile);
    const before = readFileSync(keyFile);
    const failure = await tryStart(node);
    expect(failure).toMatchObject({ code });
    expect(failure.message).toMatch(message);
    expect(failure.hint).toMatch(hint);
    expect(readFileSync(keyFile).equals(before)).toBe(true);
    expect(existsSync(node.paths.pidFile)).toBe(false);
    await vitals.check();
  });
});

describe('importing an identity', () => {
  const RIGHT = 'the right passphrase';
  let exported: string;

  beforeAll(async () => {
    exported = path.join(sandbox.folder, 'export.json');
    living.env['PILOT_PASSPHRASE'] = RIGHT;
    await living.pilotctl('identity', 'export', '--out', exported);
  }, 30_000);

  const rows: readonly {
    name: string;
    passphrase: string;
    change: (text: string) => string;
    code: string;
    message: RegExp;
    hint: RegExp;
  }[] = [
    {
      name: 'with a wrong passphrase',
      passphrase: 'the wrong passphrase',
      change: (text) => text,
      code: 'permission_denied',
      message: /the passphrase does not open this export/,
      hint: /check the passphrase/,
    },
    {
      name: 'without a passphrase',
      passphrase: '',
      change: (text) => text,
      code: 'invalid_argument',
      message: /there is no passphrase/,
      hint: /--passphrase-file or in PILOT_PASSPHRASE/,
    },
    {
      name: 'that was cut off',
      passphrase: RIGHT,
      change: (text) => text.slice(0, 200),
      code: 'invalid_argument',
      message: /not an identity export: it is not JSON, or was cut off/,
      hint: /pilotctl identity export/,
    },
    {
      name: 'that names another node',
      passphrase: RIGHT,
      change: (text) => text.replace(/"node_id": "pilot1./, '"node_id": "pilot1z'),
      code: 'permission_denied',
      message: /the passphrase does not open this export/,
      hint: /the file was damaged/,
    },
    {
      name: 'that wants all memory for its passphrase',
      passphrase: RIGHT,
      change: (text) => text.replace(/"n": \d+/, '"n": 1073741824'),
      code: 'invalid_argument',
      message: /its scrypt parameters are out of bounds/,
      hint: /pilotctl identity export/,
    },
  ];

  test.each(rows)('$name', async ({ passphrase, change, code, message, hint }) => {
    const node = sandbox.node(`home-${++homes}`);
    node.env['PILOT_PASSPHRASE'] = passphrase;
    const file = path.join(sandbox.folder, 'changed.json');
    writeFileSync(file, change(readFileSync(exported, 'utf8')), { mode: 0o600 });
    const args = ['--json', 'identity', 'import', file];
    const failure = failureIn(await node.tryPilotctl(args));
    expect(failure).toMatchObject({ code });
    expect(failure.message).toMatch(message);
    expect(failure.hint).toMatch(hint);
    expect(existsSync(node.paths.keyFile)).toBe(false);
    await vitals.check();
  });

  test('into a home that has a key, or a daemon', async () => {
    const node = homeWithKey();
    const before = readFileSync(node.paths.keyFile);
    node.env['PILOT_PASSPHRASE'] = RIGHT;
    const args = ['--json', 'identity', 'import', exported];
    const taken = failureIn(await node.tryPilotctl(args));
    expect(taken).toMatchObject({ code: 'already_exists' });
    expect(taken.hint).toMatch(/move it away first, or set PILOT_HOME/);
    expect(readFileSync(node.paths.keyFile)).toEqual(before);
    const running = failureIn(await living.tryPilotctl(args));
    expect(running).toMatchObject({ code: 'conflict' });
    expect(running.hint).toMatch(/stop it first: pilotctl daemon stop/);
    await vitals.check();
  });
});

describe('what a daemon before this one left', () => {
  test('a pid file and a socket after SIGKILL are cleaned away', async () => {
    const node = await homeWithKey().start();
    const { pidFile, socket } = node.paths;
    const killed = readPidFile(pidFile);
    await node.kill();
    expect([existsSync(pidFile), statSync(socket).isSocket()]).toEqual([true, true]);
    const failure = failureIn(await node.tryPilotctl(['--json', 'info']));
    expect(failure).toMatchObject({ code: 'not_running' });
    expect(failure.hint).toMatch(/pilotctl daemon start/);
    await node.start();
    expect(readPidFile(pidFile)?.pid).not.toBe(killed?.pid);
    await (await DaemonVitals.of(node)).check();
    await node.stop();
    expect([existsSync(pidFile), existsSync(socket)]).toEqual([false, false]);
  });

  test.each([
    ['another process has that number now', `${process.pid}\nboot:1\n`],
    ['it says nothing', 'garbage\n'],
    ['it is empty', ''],
  ])('a pid file is stale: %s', async (_why, text) => {
    const node = homeWithKey();
    writeFileSync(node.paths.pidFile, text, { mode: 0o600 });
    const status = await node.json<{ running: boolean }>('daemon', 'status');
    expect(status).toMatchObject({ running: false });
    await node.start();
    await (await DaemonVitals.of(node)).check();
    await node.kill();
  });

  test('a socket that another program serves is left alone', async () => {
    const node = homeWithKey();
    const server = createServer((connection) => {
      connection.on('error', () => undefined).end('not ours\r\n');
    });
    server.listen(node.paths.socket);
    await once(server, 'listening');
    try {
      const failure = await tryStart(node);
      expect(failure).toMatchObject({ code: 'already_exists' });
      expect(failure.message).toMatch(/another process serves \S+pilotd\.sock/);
      expect(statSync(node.paths.socket).isSocket()).toBe(true);
      expect(existsSync(node.paths.pidFile)).toBe(false);
    } finally {
      server.close();
    }
    await vitals.check();
  });

  test('a file in the place of the socket is left alone', async () => {
    const node = homeWithKey();
    writeFileSync(node.paths.socket, 'precious');
    const failure = await tryStart(node);
    expect(failure).toMatchObject({ code: 'conflict' });
    expect(failure.message).toMatch(/is there and is not a socket/);
    expect(failure.hint).toMatch(/move it away/);
    expect(readFileSync(node.paths.socket, 'utf8')).toBe('precious');
    await vitals.check();
  });
});
