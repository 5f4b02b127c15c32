import { describe, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { parseCommandLine } from '../../src/daemon/command-line.ts';
import { startFailureText } from '../../src/daemon/start-failure.ts';

function parse(...argv: string[]): {
  result: ReturnType<typeof parseCommandLine>;
  out: string;
  err: string;
} {
  let out = '';
  let err = '';
  const result = parseCommandLine(argv, {
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { result, out, err };
}

test('nothing given, nothing set', () => {
  const { result } = parse();
  expect(result).toEqual({
    flags: {},
    configFile: undefined,
    socket: undefined,
    logFormat: undefined,
  });
});

test('every option becomes its setting', () => {
  const { result } = parse(
    ...['--relay', 'wss://one', '--relay=wss://two', '--stun', 'a:1', '--beacon', 'b:2'],
    ...['--hostname', 'alpha', '--listen', ':7000', '--config', 'c.yaml', '--auto-approve'],
    ...['--token=t', '--log-level', 'debug', '--log-format', 'text', '--socket', '/tmp/s'],
    ...['--transport', 'webrtc'],
  );
  expect(result).toEqual({
    configFile: 'c.yaml',
    socket: '/tmp/s',
    logFormat: 'text',
    flags: {
      'protocol.connection.relays': ['wss://one', 'wss://two'],
      'protocol.connection.stun_servers': ['a:1', 'b:2'],
      'protocol.connection.listen': ':7000',
      'network.transport': 'webrtc',
      'protocol.connection.relay_token': 't',
      'node.hostname': 'alpha',
      'trust.auto_approve': true,
      'observability.logging.level': 'debug',
      'observability.logging.format': 'text',
    },
  });
});

test.each([
  [['--pilot-ipc'], '/tmp/pilot.sock'],
  [['--pilot-ipc', '/run/p.sock'], '/run/p.sock'],
  [['--pilot-ipc=/run/p.sock', '--auto-approve'], '/run/p.sock'],
])('%j: the socket of original clients is %s', (argv, path) => {
  expect(parse(...argv).result).toMatchObject({ flags: { 'api.pilot_ipc': path } });
});

test('the names of older clients', () => {
  expect(parse('--trust-auto-approve', '--registry', 'relay.example:9000').result).toMatchObject({
    flags: {
      'trust.auto_approve': true,
      'protocol.connection.relays': ['ws://relay.example:9000'],
    },
  });
  const both = parse('--registry', 'relay.example:9000', '--relay', 'wss://one').result;
  expect(both).toMatchObject({ flags: { 'protocol.connection.relays': ['wss://one'] } });
  expect(() => parse('--registry', 'nonsense')).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }) as Error,
  );
});

describe('nothing to run', () => {
  test.each(['--help', '--version'])('%s is answered', (option) => {
    const { result, out, err } = parse(option);
    expect(result).toEqual({ exitCode: 0 });
    expect(out.length).toBeGreaterThan(0);
    expect(err).toBe('');
  });

  test.each([
    ['--hostnam', "unknown option '--hostnam'"],
    ['--relay', "option '--relay <url>' argument missing"],
    ['start', 'too many arguments'],
  ])('%s is a wrong command line', (argument, message) => {
    const { result, err } = parse(argument);
    expect(result).toEqual({ exitCode: 2 });
    expect(err).toContain(message);
    expect(err).toContain('see: pilotd --help');
  });
});

test('why it did not start, for people and for programs', () => {
  const error = new PilotError('timeout', 'too late', { hint: 'wait' });
  expect(startFailureText(error, 'text')).toBe('error: too late\nhint:  wait\n');
  expect(startFailureText(error, 'json')).toBe(
    '{"status":"error","code":"timeout","message":"too late","hint":"wait"}\n',
  );
  expect(startFailureText(new PilotError('timeout', 'too late'), 'text')).toBe('error: too late\n');
  expect(JSON.parse(startFailureText(new TypeError('oops'), 'json'))).toMatchObject({
    code: 'internal',
    message: 'oops',
  });
});
