import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { FakeDaemon } from '../client/fake-daemon.ts';
import { BOB, BOB_AS_PEER, incoming } from '../client/fake-nodes.ts';
import { type Case, CASES as FIRST_CASES, PENDING, TRUSTED } from './daemon-commands.ts';
import { CONNECTION, PORT_CASES } from './port-commands.ts';
import { runCli } from './run-cli.ts';
import { TOPIC_CASES } from './topic-cases.ts';
import { TUNNEL_CASES } from './tunnel-commands.ts';

const CASES = [...FIRST_CASES, ...PORT_CASES, ...TOPIC_CASES, ...TUNNEL_CASES];

let daemon: FakeDaemon;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  daemon = await new FakeDaemon().start();
  env = { PILOT_SOCKET: daemon.socketPath, PILOT_HOME: daemon.home };
});

afterAll(async () => {
  await daemon.stop();
});

function answerWith(routes: Case['routes']): void {
  daemon.handlers = routes;
}

describe.each(CASES)('$command', ({ argv, routes, reference, ours, text }) => {
  test('text', async () => {
    answerWith(routes);
    const ran = await runCli(argv, { env });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    if (typeof text === 'string') expect(ran.stdout).toBe(text);
    else expect(ran.stdout).toMatch(text);
  });

  test('--json, wherever it stands', async () => {
    answerWith(routes);
    for (const [at] of ['', ...argv].entries()) {
      const ran = await runCli([...argv.slice(0, at), '--json', ...argv.slice(at)], { env });
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(ran.stdout.indexOf('\n')).toBe(ran.stdout.length - 1);
      expect(Object.keys(ran.json)).toEqual(['status', 'data']);
      expect(ran.json.status).toBe('ok');
      expect(Object.keys(ran.json.data ?? {}).sort()).toEqual([...reference, ...ours].sort());
    }
  });

  test('a failure of the daemon', async () => {
    const refuse = (): never => {
      throw new PilotError('trust_required', 'bob does not trust us', { hint: 'handshake bob' });
    };
    answerWith(Object.fromEntries(Object.keys(routes).map((name) => [name, refuse])));
    const inText = await runCli(argv, { env });
    expect(inText).toMatchObject({
      ...{ code: 1, stdout: '' },
      stderr: 'error: bob does not trust us\nhint:  handshake bob\n',
    });
    const inJson = await runCli([...argv, '--json'], { env });
    expect(inJson).toMatchObject({ code: 1, stdout: '' });
    expect(inJson.stderr.indexOf('\n')).toBe(inJson.stderr.length - 1);
    expect(inJson.failure).toEqual({
      ...{ status: 'error', code: 'trust_required', message: 'bob does not trust us' },
      ...{ hint: 'handshake bob', error: 'bob does not trust us' },
    });
  });

  test('an option it does not have, and an argument too many', async () => {
    await expect(runCli([...argv, '--nonsense'], { env })).resolves.toMatchObject({
      ...{ code: 1, stdout: '' },
      stderr: expect.stringContaining("unknown option '--nonsense'") as string,
    });
    await expect(runCli([...argv, 'a', 'b', 'c'], { env })).resolves.toMatchObject({ stdout: '' });
  });
});

describe('no daemon', () => {
  // identity show has the key file then.
  const talking = CASES.filter(({ command }) => command !== 'identity show');
  test.each(talking)('$command', async ({ argv }) => {
    const home = `${daemon.home}/nobody`;
    const ran = await runCli([...argv, '--json'], { env: { PILOT_HOME: home } });
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.failure).toMatchObject({
      code: 'not_running',
      message: `no daemon answers at ${home}/.pilot/pilotd.sock`,
      hint: 'start one: pilotctl daemon start',
    });
  });
});

/** What the rows of lists hold (pilotctl interface 1.6). */
test.each<[readonly string[], Case['routes'], string, readonly string[]]>([
  [
    ['pending'],
    { pendingTrust: () => ({ pending: [PENDING] }) },
    'pending',
    ['node_id', 'public_key', 'justification', 'received_at'],
  ],
  [
    ['trust'],
    { listTrust: () => ({ trusted: [TRUSTED], total: 1 }) },
    'trusted',
    ['node_id', 'public_key', 'approved_at', 'mutual', 'network'],
  ],
  [
    ['peers'],
    { peers: () => ({ peers: [BOB_AS_PEER], total: 1 }) },
    'peers',
    ['node_id', 'endpoint', 'encrypted', 'authenticated', 'relay'],
  ],
  [
    ['ping', 'bob', '--count', '1'],
    { ping: () => ({ ...BOB, rtt_ms: 1, path: '' }) },
    'results',
    ['seq', 'bytes', 'rtt_ms'],
  ],
  [
    ['connections'],
    { connections: () => ({ connections: [CONNECTION], total: 1 }) },
    'connections',
    [
      ...['id', 'local_port', 'remote_addr', 'remote_port', 'state'],
      ...['bytes_sent', 'bytes_recv'],
    ],
  ],
  [
    ['inbox'],
    { listInbox: () => ({ messages: [incoming('1', { preview: 'x' })], total: 1, shown: 1 }) },
    'messages',
    ['id', 'from', 'received_at', 'type', 'bytes', 'preview', 'message_id', 'reply_to'],
  ],
])('rows of %j', async (argv, routes, list, members) => {
  answerWith(routes);
  const { json } = await runCli([...argv, '--json'], { env });
  const [row] = json.data?.[list] as object[];
  expect(Object.keys(row ?? {})).toEqual(expect.arrayContaining([...members]));
});

test('every command is in a test of its output', () => {
  const elsewhere = [
    ...['connect', 'send', 'recv', 'listen', 'traceroute', 'bench'],
    'init',
    'config',
    'config validate',
    'config schema',
    'daemon start',
    'daemon stop',
    'daemon status',
    'identity export',
    'identity import',
    'gateway start',
    'serve',
    // test/e2e/send-file.test.ts
    'send-file',
    'subscribe',
    'mcp',
    'context',
    'completion',
    'version',
  ];
  expect(COMMANDS.map(({ name }) => name).sort()).toEqual(
    [...new Set([...CASES.map(({ command }) => command), ...elsewhere])].sort(),
  );
});
