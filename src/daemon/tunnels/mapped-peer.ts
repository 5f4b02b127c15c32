import type { GatewayMapping } from '../../client/api.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import { carry } from './carry.ts';
import { LocalServer } from './local-server.ts';
import { Reopening } from './reopening.ts';
import type { TunnelDeps } from './tunnel-deps.ts';

interface Entrance {
  readonly port: number;
  readonly server: LocalServer;
  readonly opening: Reopening;
}

/** One address of this host: each port of it leads to the same port of a peer. */
export class MappedPeer {
  readonly ip: string;
  readonly peer: string;
  readonly #deps: TunnelDeps;
  readonly #entrances: readonly Entrance[];

  constructor(deps: TunnelDeps, place: { ip: string; peer: string }, ports: readonly number[]) {
    this.#deps = deps;
    this.ip = place.ip;
    this.peer = place.peer;
    this.#entrances = ports.map((port) => this.#entrance(port));
  }

  /** Resolves when some port listens; throws why not even one does. */
  async open(): Promise<void> {
    const faults: unknown[] = [];
    for (const { opening } of this.#entrances) {
      await opening.keepTrying((error) => faults.push(error));
    }
    if (faults.length === this.#entrances.length) throw faults[0];
  }

  close(): void {
    for (const { server, opening } of this.#entrances) {
      opening.stop();
      server.close();
    }
  }

  view(): GatewayMapping {
    const names = this.#deps.ports.namesOf(this.peer);
    const open = this.#entrances.filter(({ opening }) => opening.error === '');
    const failed = this.#entrances.filter(({ opening }) => opening.error !== '');
    return {
      ...names,
      ...{ local_ip: this.ip, pilot_addr: names.address },
      ports: open.map(({ port }) => port),
      failed: failed.map(({ port, opening }) => ({ port, reason: opening.error })),
      connections: this.#entrances.reduce((sum, { server }) => sum + server.connections, 0),
    };
  }

  #entrance(port: number): Entrance {
    const { ip, peer } = this;
    const to = { kind: 'gateway', place: `${ip}:${port}`, target: nodeIdOf(peer), port } as const;
    const server = new LocalServer({ host: ip, port }, (socket) => {
      void carry(this.#deps, socket, to);
    });
    return { port, server, opening: new Reopening(this.#deps.clock, async () => server.open()) };
  }
}
