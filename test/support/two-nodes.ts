import { befriend, type Sandbox, type SandboxNode, type SandboxRelay } from './sandbox.ts';

/** A relay and two daemons that trust each other, all real processes. */
export async function startTwoNodes(
  sandbox: Sandbox,
  relayOptions: readonly string[] = [],
): Promise<{ relay: SandboxRelay; alice: SandboxNode; bob: SandboxNode }> {
  const relay = await sandbox.relay().start(...relayOptions);
  const [alice, bob] = [sandbox.node('alice'), sandbox.node('bob')];
  await Promise.all([alice, bob].map(async (node) => startNode(node, relay)));
  await befriend(alice, bob);
  return { relay, alice, bob };
}

/** Also again, after it was stopped. */
export async function startNode(node: SandboxNode, relay: SandboxRelay): Promise<SandboxNode> {
  return node.start('--relay', relay.url, '--hostname', node.name);
}
