import { describe, expect, test } from 'vitest';

import { ERROR_CODES } from '../../src/base/pilot-error.ts';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { runCli } from './run-cli.ts';

const env = { PILOT_HOME: '/h' };

describe('context', () => {
  test('tells of every command what it takes and what it gives', async () => {
    const { json } = await runCli(['context', '--json'], { env });
    expect(Object.keys(json.data ?? {})).toEqual([
      ...['version', 'commands', 'error_codes', 'global_flags', 'environment', 'config_file'],
    ]);
    const commands = json.data?.['commands'] as Record<string, Record<string, string>>;
    expect(Object.keys(commands)).toEqual(COMMANDS.map(({ name }) => name));
    for (const command of Object.values(commands)) {
      expect(Object.keys(command)).toEqual(['args', 'description', 'returns']);
      expect(command['description']).not.toBe('');
      expect(command['returns']).not.toBe('');
    }
    expect(commands['send-message']).toMatchObject({
      args: '<target> [--data <TEXT>] [--data-file <FILE>] [--type <text|json|binary>] [--wait [DURATION]] [--reply-to <ID>] [--expires <DURATION>]',
    });
    expect(json.data).toMatchObject({
      ...{ error_codes: [...ERROR_CODES], config_file: '/h/.pilot/config.yaml' },
    });
  });

  test.each([
    ['ping', ['ping']],
    ['daemon', ['daemon start', 'daemon stop', 'daemon status']],
    ['daemon stop', ['daemon stop']],
  ])('of %s alone', async (topic, names) => {
    const { json } = await runCli(['context', topic, '--json'], { env });
    expect(Object.keys(json.data?.['commands'] as object)).toEqual(names);
  });

  test('of a command that is not there', async () => {
    const { failure } = await runCli(['context', 'pingg', '--json'], { env });
    expect(failure).toMatchObject({ code: 'invalid_argument', hint: 'did you mean ping?' });
  });
});
