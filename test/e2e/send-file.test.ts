import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from 'vitest';

import { eventually } from '../support/processes.ts';
import { befriend, Sandbox, type SandboxNode } from '../support/sandbox.ts';
import { seededRandom } from '../support/seeded-random.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function pair(
  sandbox: Sandbox,
): Promise<{ alice: SandboxNode; bob: SandboxNode; restart: () => Promise<void> }> {
  const relay = await sandbox.relay().start();
  const [alice, bob] = [sandbox.node('alice'), sandbox.node('bob')];
  for (const node of [alice, bob]) await node.start('--relay', relay.url);
  await befriend(alice, bob);
  const restart = async (): Promise<void> => {
    await bob.kill();
    await bob.start('--relay', relay.url);
  };
  return { alice, bob, restart };
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

test('a receiver that is killed and comes back gets the rest', async () => {
  await Sandbox.run(async (sandbox) => {
    const { alice, bob, restart } = await pair(sandbox);
    const file = path.join(sandbox.folder, 'large.bin');
    const bytes = seededRandom(4)(60_000_000);
    writeFileSync(file, bytes);
    const client = alice.client();
    let killed: Promise<void> | undefined;
    const [report] = await client.sendFile(await bob.nodeId(), file, {
      onProgress: ({ phase, bytes: there }) => {
        if (phase === 'sending' && there > 10_000_000) killed ??= restart();
      },
    });
    await killed;
    client.close();
    expect(killed).toBeDefined();
    expect(report).toMatchObject({ bytes: 60_000_000, sha256: sha256(bytes), verified: true });
    const dir = path.join(bob.paths.root, 'received');
    await eventually('the file is there', () =>
      sha256(readFileSync(path.join(dir, 'large.bin'))) === sha256(bytes) ? true : undefined,
    );
  });
}, 120_000);
