import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type ErrorCode, PilotError } from '../../src/base/pilot-error.ts';
import { FakeDaemon } from '../client/fake-daemon.ts';
import { BOB } from '../client/fake-nodes.ts';
import { type Ran, runCli } from './run-cli.ts';

let daemon: FakeDaemon;

beforeAll(async () => {
  daemon = await new FakeDaemon().start();
});

afterAll(async () => {
  await daemon.stop();
});

/** Each probe has the next outcome: a round trip, or the code it fails with. */
async function ping(outcomes: readonly (number | ErrorCode)[], ...args: string[]): Promise<Ran> {
  const left = [...outcomes];
  daemon.handlers.ping = () => {
    const next = left.shift() ?? 'internal';
    if (typeof next === 'number') return { ...BOB, rtt_ms: next, path: 'relay' };
    throw new PilotError(next, `it was ${next}`);
  };
  return runCli(['ping', 'bob', ...args], { env: { PILOT_SOCKET: daemon.socketPath } });
}

test('four probes, one after another', async () => {
  const { code, stdout } = await ping([1, 2, 'timeout', 6]);
  expect(code).toBe(0);
  expect(stdout.split('\n').slice(1, 5)).toEqual([
    `seq 1: bob (${BOB.address}) 2.00 ms (relay)`,
    'seq 2: it was timeout',
    `seq 3: bob (${BOB.address}) 6.00 ms (relay)`,
    '3 of 4 answered: least 1.00, average 3.00, most 6.00 ms',
  ]);
});

test('by the path named', async () => {
  await ping([1], '--count=1', '--path', 'direct');
  expect(daemon.calls.at(-1)?.body).toEqual({ target: 'bob', timeout_ms: 5000, path: 'direct' });
  const { code, stderr } = await ping([1], '--path', 'pigeon');
  expect(code).toBe(1);
  expect(stderr).toContain('direct, relay');
});

describe('--json', () => {
  test('has every result', async () => {
    const { json } = await ping(['timeout', 2], '--count=2', '--timeout', '3s', '--json');
    expect(json.data).toEqual({
      target: 'bob',
      results: [
        { seq: 0, bytes: 0, error: 'it was timeout' },
        { seq: 1, bytes: 0, rtt_ms: 2, path: 'relay' },
      ],
      timeout: true,
    });
    expect(daemon.calls.at(-1)?.body).toEqual({ target: 'bob', timeout_ms: 3000 });
  });

  test('all failed: exit code 1, and still the results', async () => {
    const { code, json } = await ping(['unavailable', 'connection_failed'], '--count=2', '--json');
    expect(code).toBe(1);
    expect(json).toMatchObject({ status: 'ok', data: { timeout: false } });
  });
});

test.each(['not_found', 'trust_required', 'invalid_argument'] as const)(
  '%s would be the same again: it ends the command',
  async (code) => {
    const ran = await ping([code], '--json');
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.failure).toMatchObject({ code });
  },
);
