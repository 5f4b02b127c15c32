import { describe, expect, test } from 'vitest';

import { COMMANDS } from '../../src/cli/command-table.ts';
import { runCli } from './run-cli.ts';

describe('finding the command', () => {
  test.each([
    [[], 'error: no command given', 'pilotctl help lists all commands'],
    [['daemon'], 'error: daemon: no command given', 'pilotctl help lists all commands'],
    [['inbx'], 'error: unknown command "inbx"', 'did you mean inbox?'],
    [['daemon', 'strat'], 'error: unknown command "daemon strat"', 'did you mean daemon start?'],
    [['inbox', 'lst'], 'error: unknown command "inbox lst"', 'did you mean inbox list?'],
    [['xyzzy'], 'error: unknown command "xyzzy"', 'pilotctl help lists all commands'],
  ])('%j is exit code 2 with the usage, and 1 with --json', async (argv, message, hint) => {
    const inText = await runCli(argv);
    expect(inText).toMatchObject({ code: 2, stdout: '' });
    expect(inText.stderr).toMatch(/^Usage: pilotctl /);
    expect(inText.stderr).toContain(`\n${message}\nhint:  ${hint}\n`);
    const inJson = await runCli([...argv, '--json']);
    expect(inJson).toMatchObject({ code: 1, stdout: '' });
    expect(inJson.failure).toMatchObject({ code: 'invalid_argument', hint });
  });

  test.each([['--help'], ['-h'], ['help'], ['daemon', '--help'], ['help', 'daemon']])(
    '%s %s',
    async (...argv) => {
      const ran = await runCli(argv);
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(ran.stdout).toContain('daemon start');
    },
  );

  test.each(COMMANDS)('$name --help', async ({ name, summary }) => {
    const ran = await runCli([...name.split(' '), '--help']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain(`Usage: pilotctl ${name}`);
    await expect(runCli(['help', ...name.split(' ')])).resolves.toMatchObject({
      stdout: ran.stdout,
    });
    expect(ran.stdout.replace(/\s+/g, ' ')).toContain(summary);
  });

  test('help under --json is in the envelope', async () => {
    const { json } = await runCli(['ping', '--help', '--json']);
    expect(json.data?.['usage']).toMatch(/^Usage: pilotctl ping/);
  });

  test.each([[['--version']], [['-V']], [['version']]])('%j', async (argv) => {
    await expect(runCli(argv)).resolves.toMatchObject({
      code: 0,
      stdout: 'pilotctl 0.0.0-source\n',
    });
    const { json } = await runCli([...argv, '--json']);
    expect(json).toEqual({ status: 'ok', data: { version: '0.0.0-source' } });
  });
});
