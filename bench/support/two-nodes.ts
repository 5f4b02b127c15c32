import { befriend, type Sandbox, type SandboxNode } from '../../test/support/sandbox.ts';

/** A relay and two daemons that trust each other, all real processes. */
export async function startTwoNodes(
  sandbox: Sandbox,
  relayOptions: readonly string[] = [],
): Promise<{ alice: SandboxNode; bob: SandboxNode }> {
  const relay = await sandbox.relay().start(...relayOptions);
  const [alice, bob] = await Promise.all(
    ['alice', 'bob'].map(async (name) =>
      sandbox.node(name).start('--relay', relay.url, '--hostname', name),
    ),
  );
  if (alice === undefined || bob === undefined) throw new Error('two nodes were asked for');
  await befriend(alice, bob);
  return { alice, bob };
}
