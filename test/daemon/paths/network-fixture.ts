/** A node's network on a simulated host, and what it tells. */
import { type Endpoint, formatEndpoint } from '../../../src/base/endpoint.ts';
import type { PortMappingState } from '../../../src/daemon/links/port-mapping.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import { LocalNetwork, type LocalNetworkDeps } from '../../../src/daemon/paths/local-network.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { SimUnderlay } from '../../support/nat/sim-underlay.ts';
import { Internet, type Site, type SiteKind } from '../../support/nat/sites.ts';
import { seededRandom } from '../../support/seeded-random.ts';

export const DEAD_SERVER: Endpoint = { host: '203.0.113.99', port: 3478 };

/** Lets everything run that waits for no timer. */
export const settle = async (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export class NetworkFixture {
  readonly clock = new ManualClock();
  readonly internet: Internet;
  readonly site: Site;
  readonly underlay: SimUnderlay;
  readonly network: LocalNetwork;
  /** `1000 candidate srflx 203.0.113.10:4000`, in the order in which it was told. */
  readonly told: string[] = [];
  readonly errors: unknown[] = [];
  readonly mapping = { starts: 0, stops: 0, port: 0 };
  tellMapping: (state: PortMappingState) => void = () => undefined;
  stunRequests = 0;

  constructor(kind: SiteKind, deps: Partial<LocalNetworkDeps> = {}, seed = 1) {
    const { clock } = this;
    const random = seededRandom(seed);
    this.internet = new Internet({ clock, random });
    this.site = this.internet.addSite(kind);
    this.underlay = new SimUnderlay(this.site.hosts[0] ?? [], { clock, random });
    this.underlay.onSend = () => {
      this.stunRequests++;
      return true;
    };
    const { underlay } = this;
    this.network = new LocalNetwork({
      ...{ clock, random, underlay, router: underlay.router, interfaces: underlay.interfaces },
      log: {
        ...silentLog,
        error: (fields) => {
          this.errors.push(fields);
        },
      },
      configured: this.internet.stunServers,
      relayStunServers: () => [],
      resolve: async () => Promise.reject(new Error('no such name')),
      mapPort: (port, changed) => {
        this.mapping.port = port;
        this.tellMapping = changed;
        return {
          start: () => {
            this.mapping.starts++;
            changed({ status: 'searching' });
          },
          stop: async () => {
            this.mapping.stops++;
            changed({ status: 'stopped' });
            return Promise.resolve();
          },
        };
      },
      ...deps,
    });
    const { events } = this.network;
    events.on('candidate', ({ kind: of, endpoint }) => {
      this.#note(`candidate ${of} ${formatEndpoint(endpoint)}`);
    });
    events.on('gathered', () => {
      this.#note('gathered');
    });
    events.on('changed', ({ reason }) => {
      this.#note(`changed: ${reason}`);
    });
  }

  get candidates(): readonly string[] {
    return this.network.candidates.map(
      ({ kind, endpoint }) => `${kind} ${formatEndpoint(endpoint)}`,
    );
  }

  /** Without the times; forgets it. */
  takeTold(): readonly string[] {
    return this.told.splice(0).map((line) => line.replace(/^\d+ /, ''));
  }

  /** The first round is over, and nobody remembers what it told. */
  async gather(): Promise<this> {
    this.network.start();
    await this.pass(6_000);
    this.told.length = 0;
    return this;
  }

  /** Time goes by, with whatever waits for no timer in between. */
  async pass(ms: number, stepMs = 500): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      this.clock.advance(Math.min(stepMs, leftMs));
      await settle();
    }
  }

  #note(line: string): void {
    this.told.push(`${this.clock.monotonic()} ${line}`);
  }
}
