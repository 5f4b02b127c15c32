import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { HomePaths } from '../../src/home/home-paths.ts';
import { loadOrCreateIdentity } from '../../src/home/key-file.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { FakeDaemon } from '../client/fake-daemon.ts';
import { INFO } from '../client/fake-nodes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type CliSettings, type Ran, runCli } from './run-cli.ts';

const PASSPHRASE = 'correct horse battery';
let home: string;
let identity: Identity;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'pilot-id-'));
  const paths = HomePaths.of({ PILOT_HOME: home });
  identity = loadOrCreateIdentity(paths, seededRandom(7), Date.UTC(2026, 0, 1));
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

async function identityCommand(args: readonly string[], settings: CliSettings = {}): Promise<Ran> {
  const env = { PILOT_HOME: home, PILOT_PASSPHRASE: PASSPHRASE, ...settings.env };
  return runCli(['identity', ...args], { ...settings, env });
}

describe('show without a daemon', () => {
  test('the Node ID alone on one line', async () => {
    await expect(identityCommand(['show'])).resolves.toMatchObject({
      ...{ code: 0, stdout: `${identity.nodeId}\n`, stderr: '' },
    });
  });

  test('--json', async () => {
    const { json } = await identityCommand(['show', '--json']);
    expect(json.data).toMatchObject({
      id: identity.nodeId,
      address: expect.stringMatching(/^0:0000\.[0-9A-F]{4}\.[0-9A-F]{4}$/) as string,
      node_id: expect.any(Number) as number,
      public_key: Buffer.from(identity.currentKey).toString('base64'),
      ...{ created: '2026-01-01T00:00:00.000Z', key_path: path.join(home, '.pilot/identity.json') },
      ...{ hostname: '', rotations: 0 },
    });
  });

  test('a key file that others may read is refused with the command that mends it', async () => {
    const file = path.join(home, '.pilot/identity.json');
    chmodSync(file, 0o644);
    const { failure } = await identityCommand(['show', '--json']);
    expect(failure).toMatchObject({ code: 'permission_denied', hint: `chmod 600 ${file}` });
  });

  test('a home without a key', async () => {
    const env = { PILOT_HOME: path.join(home, 'empty') };
    const { failure } = await identityCommand(['show', '--json'], { env });
    expect(failure).toMatchObject({ code: 'not_found' });
  });
});

/** Sealing takes half a second of all cores, by design; several seconds where others compute too. */
describe('export and import', { timeout: 60_000 }, () => {
  const other = (): string => path.join(home, 'other');

  // The identity is the same in each test.
  let sealed = '';
  async function exported(): Promise<string> {
    if (sealed === '') sealed = (await identityCommand(['export'])).stdout;
    return sealed;
  }

  test('the node moves: by standard output and input', async () => {
    await exported();
    expect(sealed).not.toContain(Buffer.from(identity.secret.exposeSeed()).toString('base64'));
    const env = { PILOT_HOME: other() };
    const ran = await identityCommand(['import', '-', '--json'], { env, stdin: sealed });
    expect(ran.json.data).toEqual({
      ...{ id: identity.nodeId, key_path: path.join(other(), '.pilot/identity.json') },
      created: '2026-01-01T00:00:00.000Z',
    });
    await expect(identityCommand(['show'], { env })).resolves.toMatchObject({
      stdout: `${identity.nodeId}\n`,
    });
    expect(statSync(path.join(other(), '.pilot/identity.json')).mode & 0o777).toBe(0o600);
  });

  test('by files', async () => {
    const out = path.join(home, 'sealed.json');
    const secret = path.join(home, 'passphrase');
    writeFileSync(secret, `${PASSPHRASE}\r\nsecond line`);
    const env = { PILOT_PASSPHRASE: '' };
    const passphrase = ['--passphrase-file', secret];
    const { json } = await identityCommand(['export', '--out', out, ...passphrase, '--json'], {
      env,
    });
    expect(json.data).toMatchObject({ id: identity.nodeId, out });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const again = await identityCommand(['export', '--out', out, ...passphrase, '--json'], { env });
    expect(again.failure).toMatchObject({ code: 'already_exists' });
    const there = { PILOT_PASSPHRASE: '', PILOT_HOME: other() };
    await expect(
      identityCommand(['import', out, ...passphrase], { env: there }),
    ).resolves.toMatchObject({
      ...{ code: 0, stdout: `this home is now ${identity.nodeId}\n` },
    });
  });

  test('--json has it as an object', async () => {
    const { json } = await identityCommand(['export', '--json']);
    expect(json.data?.['export']).toMatchObject({ node_id: identity.nodeId });
  });

  test.each<[string, readonly string[], CliSettings, object]>([
    [
      'a wrong passphrase',
      [],
      { env: { PILOT_PASSPHRASE: 'wrong horse battery' } },
      { code: 'permission_denied' },
    ],
    [
      'no passphrase',
      [],
      { env: { PILOT_PASSPHRASE: '' } },
      { code: 'invalid_argument', message: 'there is no passphrase' },
    ],
    [
      'a passphrase file that is not there',
      ['--passphrase-file', '/nowhere'],
      {},
      { code: 'not_found' },
    ],
    ['something else', [], { stdin: '{}' }, { code: 'invalid_argument' }],
    ['more than an export has', [], { stdin: 'x'.repeat(300_000) }, { code: 'invalid_argument' }],
  ])('%s is refused, and nothing is written', async (_, args, settings, failure) => {
    const env = { PILOT_HOME: other(), ...settings.env };
    const stdin = settings.stdin ?? (await exported());
    const ran = await identityCommand(['import', '-', ...args, '--json'], { env, stdin });
    expect(ran.code).toBe(1);
    expect(ran.failure).toMatchObject(failure);
    expect(() => readFileSync(path.join(other(), '.pilot/identity.json'))).toThrow('ENOENT');
  });

  test('a home that has a key keeps it', async () => {
    const stdin = await exported();
    const { failure } = await identityCommand(['import', '-', '--json'], { stdin });
    expect(failure).toMatchObject({ code: 'already_exists' });
  });

  test('a home whose daemon runs is refused', async () => {
    const daemon = await new FakeDaemon({ info: () => INFO }).start();
    const env = { PILOT_HOME: other(), PILOT_SOCKET: daemon.socketPath };
    const { failure } = await identityCommand(['import', '-', '--json'], { env });
    expect(failure).toMatchObject({
      code: 'conflict',
      hint: 'stop it first: pilotctl daemon stop',
    });
    await daemon.stop();
  });

  test('a file that is not there', async () => {
    const env = { PILOT_HOME: other() };
    const { failure } = await identityCommand(['import', '/nowhere/x', '--json'], { env });
    expect(failure).toMatchObject({ code: 'not_found' });
  });
});
