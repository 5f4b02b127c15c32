/** What scripts for the newer original clients say (pilotctl interface 1.6 and 1.7), and ours has no use for. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { FakeDaemon } from '../client/fake-daemon.ts';
import { BOB, BOB_AS_PEER } from '../client/fake-nodes.ts';
import { runCli } from './run-cli.ts';

let daemon: FakeDaemon;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  daemon = await new FakeDaemon({
    ping: () => ({ ...BOB, rtt_ms: 1, path: 'relay' }),
    peers: () => ({ peers: [BOB_AS_PEER, BOB_AS_PEER, BOB_AS_PEER], total: 3 }),
    listInbox: () => ({ messages: [], total: 0, shown: 0 }),
    setTags: () => ({ ...BOB, tags: ['gpu'], published: true }),
  }).start();
  env = { PILOT_SOCKET: daemon.socketPath };
});

afterAll(async () => {
  await daemon.stop();
});

test('options that change nothing here are taken, and are in no help', async () => {
  const needless = ['--no-auto-handshake', '--reuse-conn', '--trace', '--no-resend=true'];
  const ran = await runCli(['ping', ...needless, 'bob', '--count', '1'], { env });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const help = await runCli(['ping', '--help']);
  expect(help.stdout).not.toMatch(/auto-handshake|reuse-conn|trace|resend/);
  // A command without a target has nothing that they could be about.
  await expect(runCli(['inbox', '--no-resend'], { env })).resolves.toMatchObject({ code: 1 });
});

test('peers --limit counts lines of text alone', async () => {
  const some = await runCli(['peers', '--limit', '2'], { env });
  expect(some.stdout.trimEnd().split('\n')).toHaveLength(3);
  expect(some.stdout).toMatch(/\nand 1 more\n$/);
  const all = await runCli(['peers', '--all'], { env });
  expect(all.stdout.trimEnd().split('\n')).toHaveLength(3);
  const { json } = await runCli(['peers', '--limit', '2', '--json'], { env });
  expect(json.data?.['peers']).toHaveLength(3);
});

test('inbox --latest asks for one message', async () => {
  await runCli(['inbox', '--latest', '--limit', '7'], { env });
  expect(daemon.callsTo('listInbox').at(-1)?.query.get('limit')).toBe('1');
});

test('commands are found behind extras too', async () => {
  const { json } = await runCli(['extras', 'set-tags', 'gpu', '--json'], { env });
  expect(json.data).toMatchObject({ tags: ['gpu'] });
  await expect(runCli(['extras'], { env })).resolves.toMatchObject({ code: 2 });
});
