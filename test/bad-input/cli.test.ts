import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { GRAMMAR_ROWS, HOST_ROWS } from './cli-grammar-rows.ts';
import { PAYLOAD_ROWS } from './cli-payload-rows.ts';
import { type CliPlace, type CliRow, fileIn } from './cli-row.ts';
import { TARGET_ROWS } from './cli-target-rows.ts';
import { World } from './world.ts';

// Each row runs a command or two, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000 });

let world: World;
let place: CliPlace;
let check: () => Promise<void>;

beforeAll(async () => {
  world = await World.open();
  const { id, node_id } = await world.bob.json<{ id: string; node_id: number }>('info');
  place = { world, bobId: id, bobNumber: node_id, file: fileIn(world) };
  const vitals = await world.vitals();
  check = async () => {
    await Promise.all([vitals.alice.check(), vitals.relay.check(2)]);
  };
}, 60_000);
afterAll(async () => {
  await world.close();
});

interface Failure {
  readonly status: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

async function expectRefusal(row: CliRow): Promise<void> {
  const node = row.home === 'fresh' ? world.sandbox.node('fresh') : world.alice;
  const args = ['--json', ...row.args(place)];
  const { code, stdout, stderr } = await node.tryPilotctl(args, row.input);
  expect([code, stdout], stderr).toEqual([1, '']);
  const failure = JSON.parse(stderr) as Failure;
  expect(failure).toMatchObject({ status: 'error', code: row.code });
  expect(failure.message).toMatch(row.message);
  if (row.hint !== undefined) expect(failure.hint).toMatch(row.hint);
}

describe.each([
  ['targets', TARGET_ROWS],
  ['payloads', PAYLOAD_ROWS],
  ['the command line', GRAMMAR_ROWS],
  ['the host', HOST_ROWS],
] as const)('%s', (_what, rows) => {
  test.each(rows)('$name', async (row) => {
    await expectRefusal(row);
    await check();
  });
});

test('an unknown command in text mode prints the usage and exits with 2', async () => {
  const { code, stdout, stderr } = await world.alice.tryPilotctl(['sned-message']);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('Usage: pilotctl');
  expect(stderr).toMatch(
    /error: unknown command "sned-message"\nhint: {2}did you mean send-message/,
  );
  await check();
});

test('a failure in text mode is the error and its hint', async () => {
  const { code, stdout, stderr } = await world.alice.tryPilotctl(['ping', 'nobody']);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^error: no relay of this node knows nobody\nhint: {2}Check the spelling/);
  await check();
});
