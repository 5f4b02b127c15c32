import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from 'vitest';

import { befriend, Sandbox, type SandboxNode, type SandboxRelay } from '../support/sandbox.ts';
import { seededRandom } from '../support/seeded-random.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface World {
  readonly relay: SandboxRelay;
  readonly alice: SandboxNode;
  readonly bob: SandboxNode;
}

async function pair(sandbox: Sandbox): Promise<World> {
  const relay = await sandbox.relay().start();
  const [alice, bob] = [sandbox.node('alice'), sandbox.node('bob')];
  for (const node of [alice, bob]) await node.start('--relay', relay.url);
  await befriend(alice, bob);
  return { relay, alice, bob };
}

test('files and folders arrive, are listed and cleared', async () => {
  await Sandbox.run(async (sandbox) => {
    const { alice, bob } = await pair(sandbox);
    const target = await bob.nodeId();
    const folder = path.join(sandbox.folder, 'tree');
    mkdirSync(path.join(folder, 'deep'), { recursive: true });
    const bytes = seededRandom(3)(2_000_000);
    writeFileSync(path.join(folder, 'deep', 'a.bin'), bytes);
    writeFileSync(path.join(folder, 'b.txt'), 'b');
    const one = await alice.json('send-file', target, path.join(folder, 'b.txt'));
    expect(one).toMatchObject({
      ...{ filename: 'b.txt', path: 'b.txt', bytes: 1, bytes_sent: 1, bytes_resumed: 0 },
      ...{ transport: 'filestream', verified: true, sha256: sha256(Buffer.from('b')) },
    });
    expect(one).toHaveProperty('destination');
    expect(await alice.pilotctl('send-file', target, folder)).toMatch(
      /^2 files sent to .*: 2\.0 MB in /,
    );
    const { files, total, dir } = await bob.json<{
      files: { name: string; bytes: number }[];
      total: number;
      dir: string;
    }>('received');
    expect(files.map(({ name }) => name).sort()).toEqual([
      'b.txt',
      'tree/b.txt',
      'tree/deep/a.bin',
    ]);
    expect([total, dir]).toEqual([3, path.join(bob.paths.root, 'received')]);
    expect(sha256(readFileSync(path.join(dir, 'tree/deep/a.bin')))).toBe(sha256(bytes));
    expect(await bob.json('received', '--clear')).toMatchObject({ cleared: 3, remaining: 0 });
    const missing = await alice.tryPilotctl(['send-file', target, '/nowhere/x']);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('there is no /nowhere/x'),
    ]);
  });
}, 120_000);

test('--prefer-direct looks for a path first, and sends without one', async () => {
  await Sandbox.run(async (sandbox) => {
    const { alice, bob } = await pair(sandbox);
    const file = path.join(sandbox.folder, 'a.txt');
    writeFileSync(file, 'a');
    // What scripts for original clients say.
    const args = ['send-file', await bob.nodeId(), file, '--prefer-direct', '--no-stream'];
    const ran = await alice.tryPilotctl(args);
    expect(ran).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^a\.txt sent to /) as string,
    });
    expect(ran.stderr).toMatch(/^note: {2}not direct: \S/);
  });
}, 120_000);

const HALF = 10_000_000;

test.each<[string, (world: World) => Promise<void>]>([
  [
    'the receiver is killed and comes back',
    async ({ bob, relay }) => {
      await bob.kill();
      await bob.start('--relay', relay.url);
    },
  ],
  [
    'the daemon of the sender is killed and comes back',
    async ({ alice, relay }) => {
      await alice.kill();
      await alice.start('--relay', relay.url);
    },
  ],
  [
    'the relay is killed and comes back',
    async ({ relay }) => {
      await relay.kill();
      await relay.start();
    },
  ],
])(
  'a file goes on where it was when %s',
  async (_what, breaks) => {
    await Sandbox.run(async (sandbox) => {
      const world = await pair(sandbox);
      const { alice, bob } = world;
      const file = path.join(sandbox.folder, 'large.bin');
      const bytes = seededRandom(4)(60_000_000);
      writeFileSync(file, bytes);
      const client = alice.client();
      let broken: Promise<void> | undefined;
      const before: number[] = [];
      const after: number[] = [];
      const [report] = await client.sendFile(await bob.nodeId(), file, {
        onProgress: ({ phase, bytes: there }) => {
          if (phase !== 'sending') return;
          (broken === undefined ? before : after).push(there);
          if (there > HALF) broken ??= breaks(world);
        },
      });
      await broken;
      client.close();
      expect(before.at(-1)).toBeGreaterThan(HALF);
      // Nothing that the receiver had acknowledged was sent again.
      expect(Math.min(...after)).toBeGreaterThan(HALF);
      expect(report).toMatchObject({ bytes: 60_000_000, sha256: sha256(bytes), verified: true });
      const dir = path.join(bob.paths.root, 'received');
      expect(readdirSync(dir).sort()).toEqual(['.partial', 'large.bin']);
      expect(readdirSync(path.join(dir, '.partial'))).toEqual([]);
      expect(sha256(readFileSync(path.join(dir, 'large.bin')))).toBe(sha256(bytes));
    });
  },
  120_000,
);
