import type { CliRow } from './cli-row.ts';

const HELP_HINT = /pilotctl \S.* --help shows how it is used/;
const DURATION = /expected a duration such as 30s, 1m30s or seconds, found "soon"/;

export const GRAMMAR_ROWS: readonly CliRow[] = [
  {
    name: 'an unknown command, with --json',
    args: () => ['sned-message'],
    code: 'invalid_argument',
    message: /unknown command "sned-message"/,
    hint: /did you mean send-message\?/,
  },
  {
    name: 'no command, with --json',
    args: () => [],
    code: 'invalid_argument',
    message: /no command given/,
    hint: /pilotctl help lists all commands/,
  },
  {
    name: 'an unknown option',
    args: () => ['peers', '--serach', 'x'],
    code: 'invalid_argument',
    message: /unknown option '--serach'/,
    hint: /did you mean --search\?|pilotctl peers --help/,
  },
  {
    name: 'a missing argument',
    args: () => ['ping'],
    code: 'invalid_argument',
    message: /missing required argument 'target'/,
    hint: HELP_HINT,
  },
  {
    name: 'an argument too many',
    args: () => ['info', 'please'],
    code: 'invalid_argument',
    message: /too many arguments/,
    hint: HELP_HINT,
  },
  {
    name: 'an option without its value',
    args: ({ bobId }) => ['send-message', bobId, '--data', '--type', 'json'],
    code: 'invalid_argument',
    message: /--data needs a value/,
    hint: /is written --data=VALUE/,
  },
  {
    name: 'a bad duration',
    args: ({ bobId }) => ['ping', bobId, '--timeout', 'soon'],
    code: 'invalid_argument',
    message: DURATION,
    hint: undefined,
  },
  {
    name: 'a bad duration of a message',
    args: ({ bobId }) => ['send-message', bobId, '--data', 'x', '--expires', 'soon'],
    code: 'invalid_argument',
    message: DURATION,
    hint: undefined,
  },
  {
    name: 'a duration without end',
    args: ({ bobId }) => ['send-message', bobId, '--data', 'x', '--expires', '1e300'],
    code: 'invalid_argument',
    message: /--expires: expected a duration/,
    hint: undefined,
  },
  {
    name: 'a hostname that is none',
    args: () => ['set-hostname', 'Alice_1'],
    code: 'invalid_argument',
    message: /"Alice_1" is not a hostname/,
    hint: /lowercase letters, digits and inner hyphens/,
  },
  {
    name: 'a justification of 1,025 characters',
    args: ({ bobId }) => ['handshake', bobId, 'x'.repeat(1025)],
    code: 'invalid_argument',
    message: /1,?024/,
    hint: undefined,
  },
];

export const HOST_ROWS: readonly CliRow[] = [
  {
    name: 'a second daemon',
    args: () => ['daemon', 'start'],
    code: 'already_exists',
    message: /a daemon runs already \(process \d+\)/,
    hint: /pilotctl daemon status.*pilotctl daemon stop/,
  },
  {
    name: 'a command without a daemon',
    args: () => ['info'],
    home: 'fresh',
    code: 'not_running',
    message: /no daemon answers at/,
    hint: /pilotctl daemon start/,
  },
  {
    name: 'the end of a daemon that does not run',
    args: () => ['daemon', 'stop'],
    home: 'fresh',
    code: 'not_running',
    message: /no daemon runs/,
    hint: /pilotctl daemon start/,
  },
  {
    name: 'a relay that is not one',
    args: () => ['daemon', 'start', '--relay', 'https://relay.example'],
    home: 'fresh',
    code: 'invalid_argument',
    message: /expected .*a relay \(ws:\/\/host:port or wss:\/\/host\), found "https:/,
    hint: /a relay is a WebSocket: wss:\/\/relay\.example/,
  },
  {
    name: 'a configuration that is not there',
    args: () => ['daemon', 'start', '--config', '/nonexistent/config.yaml'],
    home: 'fresh',
    code: 'not_found',
    message: /there is no configuration file \/nonexistent\/config\.yaml/,
    hint: /check --config/,
  },
];
