import type { EventMap } from '../../src/client/api.ts';
import { silentLog } from '../../src/daemon/log/log.ts';
import { LocalNetwork } from '../../src/daemon/paths/local-network.ts';
import { SimUnderlay } from '../support/nat/sim-underlay.ts';
import { Internet, type SiteKind } from '../support/nat/sites.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type Host, World } from './world.ts';

type PathEvent = 'path.opened' | 'path.changed' | 'path.failed';

/** Two hosts at sites of a simulated internet, and a relay that is apart from it. */
export class DirectWorld {
  readonly world: World;
  readonly alice: Host;
  readonly bob: Host;
  readonly underlays: readonly [SimUnderlay, SimUnderlay];
  /** Of alice. */
  readonly told: [PathEvent, EventMap[PathEvent]][] = [];
  readonly #networks: LocalNetwork[] = [];

  constructor(kinds: readonly [SiteKind, SiteKind], seed = 5) {
    this.world = new World(seed);
    const { clock } = this.world;
    // Other bytes than the nodes have: STUN transactions of both are waited for in one place.
    const random = seededRandom(seed + 1_000_000);
    const internet = new Internet({ clock, random, delayMs: 2 });
    [this.alice, this.bob] = [this.world.host('alice'), this.world.host('bob')];
    const place = (host: Host, kind: SiteKind): SimUnderlay => {
      const [addresses = []] = internet.addSite(kind).hosts;
      const underlay = new SimUnderlay(addresses, { clock, random });
      const network = new LocalNetwork({
        ...{ clock, random, underlay, router: underlay.router, log: silentLog },
        interfaces: underlay.interfaces,
        configured: internet.stunServers,
        relayStunServers: () => [],
        resolve: async () => Promise.reject(new Error('no such name')),
      });
      this.#networks.push(network);
      host.network = network;
      return underlay;
    };
    this.underlays = [place(this.alice, kinds[0]), place(this.bob, kinds[1])];
  }

  /** Both run and trust each other; no session is open. */
  async start(): Promise<this> {
    for (const network of this.#networks) network.start();
    this.alice.start();
    this.bob.start();
    const { events } = this.alice.node;
    for (const name of ['path.opened', 'path.changed', 'path.failed'] as const) {
      events.on(name, (event) => {
        this.told.push([name, event]);
      });
    }
    await this.world.run(1000);
    await this.world.trust(this.alice, this.bob);
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all([this.alice.stop(), this.bob.stop()]);
    await Promise.all(this.#networks.map(async (network) => network.stop()));
  }

  blockUdp(isBlocked: boolean): void {
    for (const underlay of this.underlays) underlay.onSend = () => !isBlocked;
  }

  takeTold(): [PathEvent, EventMap[PathEvent]][] {
    return this.told.splice(0);
  }
}
