import { readFileSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';

import type { OutgoingMessage } from '../../src/client/api.ts';
import { eventually } from '../support/processes.ts';
import { befriend, Sandbox, type SandboxNode, type SandboxRelay } from '../support/sandbox.ts';
import { counted } from './metrics.ts';
import { SmallDisk } from './small-disk.ts';
import { DaemonVitals, RelayVitals } from './vitals.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A retry every now and then, and never the last one: the disk has to be the reason for what happens. */
const PATIENT = `messaging:
  retry_policy: { max_attempts: 100, initial_delay: 50ms, max_delay: 200ms }
`;
const PAYLOAD_BYTES = 100_000;
const ROOM_AGAIN_MIB = 128;

let sandbox: Sandbox;
let relay: SandboxRelay;
let alice: SandboxNode;
let bob: SandboxNode;
let bobId: string;

beforeEach(async (context) => {
  const probe = new Sandbox();
  const disk = SmallDisk.mount(path.join(probe.folder, 'probe'), 1);
  disk?.unmount();
  await probe.close();
  if (disk === undefined) {
    const why = 'a real full disk needs the right to mount one (root)';
    if (process.env['CI'] !== undefined) throw new Error(why);
    context.skip(why);
  }
  sandbox = new Sandbox();
  relay = sandbox.relay();
  alice = sandbox.node('alice');
  bob = sandbox.node('bob');
  const own = sandbox;
  onTestFinished(async () => own.close());
});

/** The disk goes when the test is over, after the processes that use it and before their folder. */
function mounted(folder: string, mebibytes: number): SmallDisk {
  const disk = SmallDisk.mount(folder, mebibytes);
  if (disk === undefined) throw new Error('cannot mount');
  onTestFinished(async () => {
    await Promise.all([alice.kill(), bob.kill(), relay.kill()]);
    disk.unmount();
  });
  return disk;
}

async function startAll(): Promise<void> {
  await relay.start();
  for (const node of [alice, bob]) {
    node.paths.ensureRoot();
    writeFileSync(node.paths.configFile, PATIENT, { mode: 0o600 });
  }
  await Promise.all(
    [alice, bob].map(async (node) =>
      node.start('--relay', relay.url, '--hostname', node.name, '--log-level', 'debug'),
    ),
  );
  await befriend(alice, bob);
  bobId = await bob.nodeId();
}

async function send(index: number, confirmMs = 0): Promise<OutgoingMessage> {
  const client = alice.client();
  try {
    const payload = new Uint8Array(PAYLOAD_BYTES).fill(index);
    return await client.send(bobId, payload, { confirmMs });
  } finally {
    client.close();
  }
}

async function statusOf(id: string): Promise<OutgoingMessage> {
  const client = alice.client();
  try {
    return await client.message(id);
  } finally {
    client.close();
  }
}

async function until(id: string, what: string, fits: (one: OutgoingMessage) => boolean) {
  return eventually(`message ${id}: ${what}`, async () => {
    const message = await statusOf(id);
    return fits(message) ? message : undefined;
  });
}

/** Every message that alice was given an id for is in bob's inbox, once, and in order. */
async function expectAllReceived(ids: readonly string[]): Promise<void> {
  for (const id of ids) await until(id, 'delivered', ({ status }) => status === 'delivered');
  const client = bob.client();
  try {
    const { messages } = await client.inbox({ limit: 1000 });
    expect(messages.map(({ id }) => id).reverse()).toEqual(ids);
  } finally {
    client.close();
  }
}

describe('a full disk', () => {
  test('of the receiver: messages wait with their sender until there is room', async () => {
    const disk = mounted(bob.paths.data, 2);
    await startAll();
    const vitals = [await DaemonVitals.of(alice), await DaemonVitals.of(bob)];
    const ids: string[] = [];
    let refused: OutgoingMessage | undefined;
    while (refused === undefined && ids.length < 50) {
      const { message_id: id } = await send(ids.length);
      ids.push(id);
      const now = await until(id, 'is delivered or refused', ({ status, reason }) => {
        return status === 'delivered' || reason === 'inbox_unavailable';
      });
      if (now.status !== 'delivered') refused = now;
    }
    expect(refused).toMatchObject({ reason: 'inbox_unavailable', status: 'queued' });
    const metrics = await vitals[1]?.metrics();
    expect(metrics?.get('pilot_drops_total{reason="inbox_unavailable"}')).toBeGreaterThan(0);
    const log = readFileSync(bob.paths.logFile, 'utf8');
    expect(log).toMatch(/"code":"inbox_unavailable".*"msg":"message refused"/);
    for (const one of vitals) await one.check({ outbox: 50, inbox: 50 });

    disk.resize(ROOM_AGAIN_MIB);
    await expectAllReceived(ids);
    for (const one of vitals) await one.check({ inbox: 50 });
  });

  test('of the sender: no id is given out for what is not on disk', async () => {
    const disk = mounted(alice.paths.data, 2);
    await startAll();
    const vitals = await DaemonVitals.of(alice);
    await bob.stop();
    const ids: string[] = [];
    let failure: unknown;
    while (failure === undefined && ids.length < 50) {
      try {
        ids.push((await send(ids.length)).message_id);
      } catch (error) {
        failure = error;
      }
    }
    expect(failure).toMatchObject({
      code: 'unavailable',
      hint: expect.stringMatching(/disk space/) as string,
    });
    expect(await alice.json('outbox')).toMatchObject({ total: ids.length });
    await vitals.check({ outbox: 50 });

    disk.resize(ROOM_AGAIN_MIB);
    ids.push((await send(ids.length)).message_id);
    await bob.start('--relay', relay.url);
    await expectAllReceived(ids);
    await vitals.check();
  });

  test('of the relay: envelopes stay with their sender, sessions go on', async () => {
    const disk = mounted(relay.store, ROOM_AGAIN_MIB);
    await startAll();
    const vitals = new RelayVitals(relay);
    const daemon = await DaemonVitals.of(alice);
    const first = await send(0, 10_000);
    expect(first.status).toBe('delivered');
    await bob.stop();
    const stored = await send(1, 10_000);
    expect(stored.status).toBe('stored');

    // To the last byte, a moment after the relay has looked: the commit itself fails.
    fill(disk);
    const { message_id: queued } = await send(2);
    await eventually('the relay says that it cannot', async () => {
      const dropped = counted(
        await vitals.metrics(),
        'pilot_relay_drops_total{reason="store_failed"}',
      );
      return dropped > 0 || undefined;
    });
    expect((await statusOf(queued)).status).toBe('queued');
    await vitals.check(1);
    // Bob can log in, fetch what was stored before, and talk: only keeping things is not possible.
    await bob.start('--relay', relay.url);
    await expectAllReceived([first.message_id, stored.message_id, queued]);
    await vitals.check(2);
    await daemon.check();

    await bob.stop();
    disk.resize(2 * ROOM_AGAIN_MIB);
    const later = await send(3);
    await until(later.message_id, 'stored', ({ status }) => status === 'stored');
    await vitals.check(1);
  });

  test('from the first moment: a daemon that cannot write its key says so', async () => {
    const disk = mounted(alice.paths.root, 1);
    fill(disk);
    // In the foreground: its log lies on that disk, too.
    const { code, stderr } = await alice.tryPilotctl(['daemon', 'start', '--foreground']);
    expect(code, stderr).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      code: 'internal',
      hint: expect.stringMatching(/space/) as string,
    });
  });
});

function fill({ folder }: SmallDisk): void {
  const { bfree, bsize } = statfsSync(folder);
  try {
    writeFileSync(path.join(folder, 'filler'), new Uint8Array(bfree * bsize));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
