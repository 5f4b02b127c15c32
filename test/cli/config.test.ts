import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type Ran, runCli } from './run-cli.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'pilot-config-'));
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

async function pilotctl(argv: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return runCli(argv, { env: { PILOT_HOME: home, ...env } });
}

const configFile = (): string => path.join(home, '.pilot/config.yaml');

function writeConfig(text: string): void {
  mkdirSync(path.dirname(configFile()), { recursive: true, mode: 0o700 });
  writeFileSync(configFile(), text, { mode: 0o600 });
}

describe('init', () => {
  test('keeps settings for later starts', async () => {
    const { json } = await pilotctl([
      ...['init', '--relay', 'ws://a:1', '--relay', 'wss://b', '--hostname', 'alpha'],
      ...['--beacon', 'stun.example:3478', '--json'],
    ]);
    expect(json.data).toEqual({
      ...{ config_path: configFile(), registry: 'ws://a:1', beacon: 'stun.example:3478' },
      ...{ socket: path.join(home, '.pilot/pilotd.sock'), hostname: 'alpha' },
      relay: ['ws://a:1', 'wss://b'],
    });
    const { json: shown } = await pilotctl(['config', '--json']);
    expect(shown.data).toMatchObject({ 'node.hostname': 'alpha' });
  });

  test('changes only what is named; a registry is a relay', async () => {
    await pilotctl(['init', '--hostname', 'alpha']);
    const { json } = await pilotctl(['init', '--registry', 'r.example:7443', '--json']);
    expect(json.data).toMatchObject({ hostname: 'alpha', relay: ['ws://r.example:7443'] });
  });

  test.each([
    [['--relay', 'http://x'], 'invalid_argument'],
    [['--hostname', 'Not A Name'], 'invalid_argument'],
    [['--socket', '/run/other.sock'], 'not_supported'],
  ])('%j is refused', async (args, code) => {
    const ran = await pilotctl(['init', ...args, '--json']);
    expect(ran.code).toBe(1);
    expect(ran.failure).toMatchObject({ code });
  });
});

describe('config', () => {
  test('lists every setting and where things lie', async () => {
    const { json } = await pilotctl(['config', '--json']);
    expect(json.data).toMatchObject({
      ...{ 'messaging.expiry': '7d', 'messaging.max_payload_kb': 256 },
      ...{ config_path: configFile(), pid_file: path.join(home, '.pilot/pilot.pid') },
      log_file: path.join(home, '.pilot/pilot.log'),
    });
    const { stdout } = await pilotctl(['config']);
    expect(stdout).toMatch(/^messaging\.max_payload_kb +256$/m);
  });

  test('--set changes one, and keeps comments', async () => {
    writeConfig('# ours\nnode:\n  hostname: old # a name\n');
    const { json } = await pilotctl(['config', '--set', 'node.hostname=new', '--json']);
    expect(json.data).toEqual({ key: 'node.hostname', value: 'new' });
    expect(readFileSync(configFile(), 'utf8')).toBe('# ours\nnode:\n  hostname: new # a name\n');
  });

  test.each([
    ['nonsense', '--set: expected key=value, found "nonsense"'],
    ['=x', '--set: expected key=value, found "=x"'],
  ])('--set %s', async (assignment, message) => {
    const { failure } = await pilotctl(['config', '--set', assignment, '--json']);
    expect(failure).toMatchObject({ code: 'invalid_argument', message });
  });

  test('--set of an unknown key names the nearest', async () => {
    const { failure } = await pilotctl(['config', '--set', 'node.hostnam=x', '--json']);
    expect(failure).toMatchObject({
      code: 'invalid_argument',
      hint: 'did you mean node.hostname?',
    });
  });

  test('never shows the token', async () => {
    writeConfig('protocol:\n  connection:\n    relay_token: hush-hush\n');
    const { stdout } = await pilotctl(['config']);
    expect(stdout).toMatch(/relay_token +\[secret\]/);
    expect(stdout).not.toContain('hush');
    const { stdout: set } = await pilotctl([
      'config',
      '--set',
      'protocol.connection.relay_token=psst',
    ]);
    expect(set).not.toContain('psst');
  });

  test('show --origin', async () => {
    writeConfig('node:\n  hostname: alpha\n');
    const { json } = await pilotctl(['config', 'show', '--json'], { PILOT_LOG_LEVEL: 'debug' });
    expect(json.data?.['entries']).toEqual(
      expect.arrayContaining([
        { key: 'node.hostname', value: 'alpha', origin: 'file' },
        { key: 'observability.logging.level', value: 'debug', origin: 'environment' },
        { key: 'messaging.expiry', value: '7d', origin: 'default' },
      ]),
    );
    const { stdout } = await pilotctl(['config', 'show', '--origin']);
    expect(stdout).toMatch(/^node\.hostname +file +alpha$/m);
    const { stdout: without } = await pilotctl(['config', 'show']);
    expect(without).toMatch(/^node\.hostname +alpha$/m);
  });

  test('a file that is named has to exist', async () => {
    const { failure } = await pilotctl(['config', 'show', '--config', '/nowhere.yaml', '--json']);
    expect(failure).toMatchObject({ code: 'not_found' });
  });

  test('validate', async () => {
    const missing = await pilotctl(['config', 'validate', '--json']);
    expect(missing.failure).toMatchObject({ code: 'not_found' });
    writeConfig('node:\n  hostname: alpha\n');
    await expect(pilotctl(['config', 'validate'])).resolves.toMatchObject({
      ...{ code: 0, stdout: `${configFile()} is valid\n` },
    });
    const file = path.join(home, 'bad.yaml');
    writeFileSync(file, 'node:\n  hostnam: alpha\nmessaging:\n  expiry: soon\n');
    const bad = await pilotctl(['config', 'validate', file]);
    expect(bad).toMatchObject({ code: 1, stdout: '' });
    expect(bad.stderr).toContain(
      `${file}:2:3: node.hostnam: is not a known setting  (did you mean node.hostname?)\n`,
    );
    expect(bad.stderr).toContain(`${file}:4:`);
    const { code, json } = await pilotctl(['config', 'validate', file, '--json']);
    expect(code).toBe(1);
    expect(json.data).toMatchObject({
      valid: false,
      problems: [{ line: 2, column: 3, key: 'node.hostnam' }, { line: 4 }],
    });
  });

  test('schema', async () => {
    const { stdout } = await pilotctl(['config', 'schema']);
    expect(JSON.parse(stdout)).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
    });
  });
});
