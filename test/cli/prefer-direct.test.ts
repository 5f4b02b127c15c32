import { afterAll, beforeAll, expect, test } from 'vitest';

import type { PreferDirectReply } from '../../src/client/api.ts';
import { FakeDaemon } from '../client/fake-daemon.ts';
import { BOB } from '../client/fake-nodes.ts';
import { PREFERRED } from './daemon-commands.ts';
import { runCli } from './run-cli.ts';

let daemon: FakeDaemon;

beforeAll(async () => {
  daemon = await new FakeDaemon().start();
});

afterAll(async () => {
  await daemon.stop();
});

const WHY = 'no check was answered';
const CASES: [string, Partial<PreferDirectReply>, string][] = [
  ['a relay', { path: 'relay', endpoint: 'wss://r', rtt_ms: 25 }, 'over wss://r, 25.0 ms'],
  ['nothing', { path: '', endpoint: '', rtt_ms: null }, 'over nothing'],
];

test.each(CASES)('%s instead, and why', async (_name, reply, over) => {
  daemon.handlers.preferDirect = () => ({ ...PREFERRED, ...reply, why_not_direct: WHY });
  const ran = await runCli(['prefer-direct', 'bob'], { env: { PILOT_SOCKET: daemon.socketPath } });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toBe(`not direct: bob (${BOB.address}) ${over}\n${WHY}\n`);
  expect(daemon.calls.at(-1)?.body).toEqual({ target: 'bob' });
});
