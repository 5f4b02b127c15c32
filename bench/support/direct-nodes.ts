import { Lab, missingForLab } from '../../test/natlab/lab.ts';
import { startServers } from '../../test/natlab/servers.ts';
import { startStation, trustEachOther } from '../../test/natlab/station.ts';
import { eventually } from '../../test/support/processes.ts';
import { Sandbox, type SandboxNode } from '../../test/support/sandbox.ts';

/** Two daemons that trust each other, with a direct path between two hosts of the NAT laboratory; nothing slows it. */
export async function withDirectNodes(
  work: (nodes: { sandbox: Sandbox; alice: SandboxNode; bob: SandboxNode }) => Promise<void>,
): Promise<void> {
  const missing = missingForLab();
  if (missing !== undefined) throw new Error(`a direct path on one host: ${missing}`);
  await Sandbox.run(async (sandbox) =>
    Lab.run(async (lab) => {
      const servers = await startServers(lab, sandbox);
      const [alice, bob] = await Promise.all([
        lab
          .site('open')
          .then(async ({ host }) => startStation(sandbox, servers, { name: 'alice', host })),
        lab
          .site('open')
          .then(async ({ host }) => startStation(sandbox, servers, { name: 'bob', host })),
      ]);
      await trustEachOther([[alice, bob]]);
      await alice.client.preferDirect(bob.id);
      await eventually('they talk directly', async () => {
        const paths = [await alice.peer(bob), await bob.peer(alice)].map((peer) => peer?.path);
        return paths.every((path) => path === 'direct') || undefined;
      });
      try {
        await work({ sandbox, alice: alice.node, bob: bob.node });
      } finally {
        alice.client.close();
        bob.client.close();
      }
    }),
  );
}
