import { befriend, Sandbox, type SandboxNode, type SandboxRelay } from '../support/sandbox.ts';
import { DaemonVitals, RelayVitals } from './vitals.ts';

/** A relay and two nodes that trust each other, the real programs, for many rows of a table. */
export class World {
  readonly sandbox = new Sandbox();
  readonly relay: SandboxRelay = this.sandbox.relay();
  readonly alice: SandboxNode = this.sandbox.node('alice');
  readonly bob: SandboxNode = this.sandbox.node('bob');

  static async open(options: { readonly relay?: readonly string[] } = {}): Promise<World> {
    const world = new World();
    try {
      const { alice, bob, relay } = world;
      await relay.start(...(options.relay ?? []));
      await Promise.all(
        [alice, bob].map(async (node) =>
          node.start('--relay', relay.url, '--hostname', node.name, '--log-level', 'debug'),
        ),
      );
      await befriend(alice, bob);
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async vitals(): Promise<{ alice: DaemonVitals; bob: DaemonVitals; relay: RelayVitals }> {
    const [alice, bob] = await Promise.all([
      DaemonVitals.of(this.alice),
      DaemonVitals.of(this.bob),
    ]);
    return { alice, bob, relay: new RelayVitals(this.relay) };
  }

  async close(): Promise<void> {
    await this.sandbox.close();
  }
}
