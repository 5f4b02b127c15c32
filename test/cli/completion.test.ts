import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { COMMANDS } from '../../src/cli/command-table.ts';
import { runCli } from './run-cli.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pilot-completion-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function script(shell: string): Promise<string> {
  const { code, stdout } = await runCli(['completion', shell]);
  expect(code).toBe(0);
  const file = path.join(folder, shell);
  writeFileSync(file, stdout);
  return file;
}

const installed = (shells: readonly string[]): string[] =>
  shells.filter((shell) => spawnSync(shell, ['-c', 'true']).status === 0);

describe('bash', () => {
  /** What bash offers after these words. */
  async function offered(...words: string[]): Promise<string[]> {
    const file = await script('bash');
    const line = `source ${file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pilotctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync('bash', ['-c', line, 'bash', 'pilotctl', ...words]).toString();
    return output.split('\n').filter((word) => word !== '');
  }

  test('is valid', async () => {
    expect(spawnSync('bash', ['-n', await script('bash')])).toMatchObject({ status: 0 });
  });

  test.each([
    [['se'], ['set-hostname', 'set-tags', 'send', 'send-message', 'send-file', 'serve']],
    [
      ['daemon', ''],
      ['start', 'stop', 'status'],
    ],
    [['daemon', 'start', '--re'], ['--relay']],
    [['daemon', 'start', '--regi'], []],
    [['inbox', 're'], ['read']],
    [['inbox', '--fo'], ['--follow']],
    [
      ['send-message', 'bob', '--type', ''],
      ['text', 'json', 'binary'],
    ],
    [['send-message', 'bob', '--data-file', ''], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', '--json'],
    ],
    [['ping', 'bob', '--c'], ['--count']],
  ])('%j', async (words, expected) => {
    await expect(offered(...words)).resolves.toEqual(expected);
  });
});

test('zsh has every word', async () => {
  const file = await script('zsh');
  const { stdout } = await runCli(['completion', 'zsh']);
  expect(stdout).toMatch(/^#compdef pilotctl\n/);
  for (const { name } of COMMANDS) expect(stdout).toContain(`'${name.split(' ').at(-1) ?? ''}:`);
  expect(stdout).toContain('--type) compadd -- text json binary; return ;;');
  // The part of the language that it shares with bash.
  const [shell = ''] = installed(['zsh', 'bash']);
  expect(spawnSync(shell, ['-n', file])).toMatchObject({ status: 0 });
});

test('fish has every word, each in its place', async () => {
  const file = await script('fish');
  const { stdout } = await runCli(['completion', 'fish']);
  expect(stdout).toContain("complete -c pilotctl -n '__fish_use_subcommand' -a ping -d ");
  expect(stdout).toContain(
    "complete -c pilotctl -n '__fish_seen_subcommand_from daemon; and not __fish_seen_subcommand_from start stop status' -a start -d ",
  );
  expect(stdout).toContain(
    "complete -c pilotctl -n '__fish_seen_subcommand_from send-message' -l type -x -a 'text json binary' -d ",
  );
  const [shell = ''] = installed(['fish']);
  if (shell !== '') expect(spawnSync(shell, ['-n', file])).toMatchObject({ status: 0 });
});

test('another shell', async () => {
  const { failure } = await runCli(['completion', 'tcsh', '--json']);
  expect(failure).toMatchObject({ code: 'invalid_argument', hint: 'bash, zsh or fish' });
});
