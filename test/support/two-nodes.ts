import { befriend, type Sandbox, type SandboxNode, type SandboxRelay } from './sandbox.ts';

interface TwoNodes {
  readonly relay: SandboxRelay;
  readonly alice: SandboxNode;
  readonly bob: SandboxNode;
}

/** A relay and two daemons that trust each other, all real processes. */
export async function startTwoNodes(
  sandbox: Sandbox,
  relayOptions: readonly string[] = [],
): Promise<TwoNodes> {
  const nodes = await startTwoStrangers(sandbox, relayOptions);
  await befriend(nodes.alice, nodes.bob);
  return nodes;
}

/** The same before they know of each other. */
export async function startTwoStrangers(
  sandbox: Sandbox,
  relayOptions: readonly string[] = [],
): Promise<TwoNodes> {
  const relay = await sandbox.relay().start(...relayOptions);
  const [alice, bob] = [sandbox.node('alice'), sandbox.node('bob')];
  await Promise.all([alice, bob].map(async (node) => startNode(node, relay)));
  return { relay, alice, bob };
}

/** Also again, after it was stopped. */
export async function startNode(node: SandboxNode, relay: SandboxRelay): Promise<SandboxNode> {
  return node.start('--relay', relay.url, '--hostname', node.name);
}
